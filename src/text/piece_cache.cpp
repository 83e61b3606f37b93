#include "text/piece_cache.h"

namespace tidemill {
namespace {

constexpr size_t kFirstPairs = 512;
constexpr uint64_t kLongTag = uint64_t{0xFF} << 56;

constexpr uint64_t long_tag(size_t size) {
  return kLongTag | uint64_t{size} << 48;
}
constexpr bool is_long(const PieceKey& key) {
  return key.high >= kLongTag;
}

}  // namespace

PieceKey PieceCache::long_key(std::string_view piece, uint64_t hash, size_t place) {
  return {hash, long_tag(piece.size()) | place};
}

void PieceCache::limit(size_t n_bytes) {
  limit_ = n_bytes;
  if (bytes() > limit_) clear(0);
}

void PieceCache::clear(size_t n_pairs) {
  if (n_pairs == slots_.size()) {
    std::fill(slots_.begin(), slots_.end(), Pair{});
  } else {
    slots_ = std::vector<Pair>(n_pairs);
  }
  mask_ = n_pairs - 1;
  n_used_ = 0;
  std::vector<char>().swap(pieces_);
  std::vector<int32_t>().swap(ids_);
}

void PieceCache::make_room(size_t n_pieces) {
  // 70% full at most: then three look-ups of four end in the first pair.
  const auto has_room = [&] { return (n_used_ + n_pieces) * 10 <= slots_.size() * 2 * 7; };
  while (!has_room()) {
    const size_t n_pairs = slots_.empty() ? kFirstPairs : slots_.size() * 2;
    const size_t n_more = (n_pairs - slots_.size()) * sizeof(Pair);
    if (bytes() + n_more > limit_) break;
    grow();
  }
  if (slots_.empty()) return;
  if (!has_room() || bytes() > limit_) clear(bytes() > 2 * limit_ ? 0 : slots_.size());
}

void PieceCache::grow() {
  std::vector<Pair> old(slots_.empty() ? kFirstPairs : slots_.size() * 2);
  old.swap(slots_);
  mask_ = slots_.size() - 1;
  for (const Pair& pair : old) {
    for (const Slot& slot : pair.slots) {
      if (!slot.key.empty()) insert(slot, is_long(slot.key) ? slot.key.low : slot.key.hash());
    }
  }
}

void PieceCache::insert(const Slot& slot, uint64_t hash) {
  for (uint64_t k = hash & mask_;; k = (k + 1) & mask_) {
    for (Slot& place : slots_[k].slots) {
      if (!place.key.empty()) continue;
      place = slot;
      return;
    }
  }
}

const PieceIds* PieceCache::find(const PieceKey& key, uint64_t hash) const {
  if (slots_.empty()) return nullptr;
  for (uint64_t k = hash & mask_;; k = (k + 1) & mask_) {
    for (const Slot& slot : slots_[k].slots) {
      if (slot.key == key) return &slot.ids;
      if (slot.key.empty()) return nullptr;
    }
  }
}

const PieceIds* PieceCache::find_long(std::string_view piece, uint64_t hash) const {
  if (slots_.empty() || piece.size() > kLongestPiece) return nullptr;
  for (uint64_t k = hash & mask_;; k = (k + 1) & mask_) {
    for (const Slot& slot : slots_[k].slots) {
      if (slot.key.empty()) return nullptr;
      if (slot.key.low != hash || slot.key.high >> 48 != long_tag(piece.size()) >> 48) continue;
      const char* bytes = pieces_.data() + (slot.key.high & 0xFFFFFFFFFFFF);
      if (std::memcmp(bytes, piece.data(), piece.size()) == 0) return &slot.ids;
    }
  }
}

bool PieceCache::add(std::string_view piece, const PieceKey& key, uint64_t hash, std::span<const int32_t> ids,
                     PieceIds& added) {
  if (slots_.empty() || piece.size() > kLongestPiece) return false;
  if ((n_used_ + 1) * 10 > slots_.size() * 2 * 9) return false;
  Slot slot{key, {}};
  if (key.empty()) {
    slot.key = long_key(piece, hash, pieces_.size());
    pieces_.insert(pieces_.end(), piece.begin(), piece.end());
  }
  if (ids.size() <= PieceIds::kInline) {
    std::copy(ids.begin(), ids.end(), slot.ids.words.begin());
    slot.ids.words[0] |= static_cast<uint32_t>(ids.size()) << 24;
  } else {
    slot.ids.words = {PieceIds::kElsewhere << 24, static_cast<uint32_t>(ids_.size()), static_cast<uint32_t>(ids.size()),
                      0};
    ids_.insert(ids_.end(), ids.begin(), ids.end());
  }
  insert(slot, hash);
  ++n_used_;
  added = slot.ids;
  return true;
}

}  // namespace tidemill
