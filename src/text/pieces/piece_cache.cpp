#include "text/pieces/piece_cache.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace tidemill {
namespace {

constexpr size_t kFirstPairs = 512;
// The last byte of a short piece's key is its size, at most 15.
constexpr uint64_t kLongTag = uint64_t{0xFF} << 56;
constexpr int kSizeShift = 40;
constexpr uint64_t kPlaceMask = (uint64_t{1} << kSizeShift) - 1;
constexpr int kCountShift = std::countr_zero(PieceIds::kIdLimit);

constexpr uint64_t long_tag(size_t size) {
  return kLongTag | uint64_t{size} << kSizeShift;
}

}  // namespace

inline PieceCache::Value PieceCache::value_of(const Slot& slot) {
  Value value{slot.ids, slot.ids.words[0] >> kCountShift};
  value.ids.words[0] &= (uint32_t{1} << kCountShift) - 1;
  return value;
}

size_t PieceCache::bytes() const {
  return slots_.capacity() * sizeof(Pair) + pieces_.capacity() + ids_.capacity() * sizeof(int32_t);
}

void PieceCache::limit(size_t n_bytes) {
  limit_ = n_bytes;
  if (bytes() > limit_) clear(0);
}

void PieceCache::clear(size_t n_pairs) {
  if (n_pairs == slots_.size()) {
    std::fill(slots_.begin(), slots_.end(), Pair{});
  } else {
    slots_ = HugeVector<Pair>(n_pairs);
  }
  mask_ = n_pairs - 1;
  n_used_ = 0;
  HugeVector<char>().swap(pieces_);
  HugeVector<int32_t>().swap(ids_);
}

// Half full at most: then nine look-ups of ten end in the first pair.
bool PieceCache::has_room(size_t n_pieces) const {
  return n_used_ + n_pieces <= slots_.size();
}

void PieceCache::grow_for(size_t n_pieces) {
  while (!has_room(n_pieces)) {
    const size_t n_pairs = slots_.empty() ? kFirstPairs : slots_.size() * 2;
    if (bytes() + (n_pairs - slots_.size()) * sizeof(Pair) > limit_) return;
    grow();
  }
}

void PieceCache::make_room(size_t n_pieces) {
  grow_for(n_pieces);
  if (!slots_.empty() && (!has_room(n_pieces) || bytes() > limit_)) {
    clear(slots_.size() * sizeof(Pair) > limit_ ? 0 : slots_.size());
  }
}

void PieceCache::grow() {
  HugeVector<Pair> old(slots_.empty() ? kFirstPairs : slots_.size() * 2);
  old.swap(slots_);
  mask_ = slots_.size() - 1;
  for (const Pair& pair : old) {
    for (const Slot& slot : pair.slots) {
      if (slot.key.empty()) continue;
      insert(slot, slot.key.words[1] >= kLongTag ? slot.key.words[0] : piece_hash(slot.key));
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

size_t PieceCache::find_quickly(const PieceBlock& block, std::span<Value> values, std::span<uint16_t> missing) const {
  if (slots_.empty()) {
    for (size_t n = 0; n < block.n_unknown; ++n) missing[n] = static_cast<uint16_t>(n);
    return block.n_unknown;
  }
  for (size_t n = 0; n < block.n_unknown; ++n) __builtin_prefetch(&slots_[block.hashes[block.unknown[n]] & mask_]);
  size_t n_missing = 0;
  for (size_t n = 0; n < block.n_unknown; ++n) {
    const size_t k = block.unknown[n];
    const PieceKey& key = block.keys[k];
    const std::array<Slot, 2>& pair = slots_[block.hashes[k] & mask_].slots;
    // Without branches: which of both it is cannot be foreseen.  An empty key is a long piece, or an empty slot.
    const auto difference = [&](size_t way) {
      return (pair[way].key.words[0] ^ key.words[0]) | (pair[way].key.words[1] ^ key.words[1]);
    };
    const bool is_first = difference(0) == 0;
    const bool is_second = difference(1) == 0;
    values[n] = value_of(pair[is_second]);
    missing[n_missing] = static_cast<uint16_t>(n);
    n_missing += !(is_first | is_second) | key.empty();
  }
  return n_missing;
}

bool PieceCache::find(const PieceKey& key, uint64_t hash, Value& value) const {
  if (slots_.empty()) return false;
  for (uint64_t k = hash & mask_;; k = (k + 1) & mask_) {
    for (const Slot& slot : slots_[k].slots) {
      if (slot.key == key) {
        value = value_of(slot);
        return true;
      }
      if (slot.key.empty()) return false;
    }
  }
}

bool PieceCache::find_long(std::string_view piece, uint64_t hash, Value& value) const {
  if (slots_.empty() || piece.size() > kLongestPiece) return false;
  for (uint64_t k = hash & mask_;; k = (k + 1) & mask_) {
    for (const Slot& slot : slots_[k].slots) {
      if (slot.key.empty()) return false;
      if (slot.key.words[0] != hash || (slot.key.words[1] & ~kPlaceMask) != long_tag(piece.size())) continue;
      if (std::memcmp(pieces_.data() + (slot.key.words[1] & kPlaceMask), piece.data(), piece.size()) != 0) continue;
      value = value_of(slot);
      return true;
    }
  }
}

void PieceCache::prefetch_long(uint64_t hash) const {
  if (slots_.empty()) return;
  for (const Slot& slot : slots_[hash & mask_].slots) {
    if (slot.key.words[0] != hash || slot.key.words[1] < kLongTag) continue;
    __builtin_prefetch(pieces_.data() + (slot.key.words[1] & kPlaceMask));
    if (value_of(slot).n_ids == PieceIds::kCached) __builtin_prefetch(ids_.data() + value_of(slot).ids.words[0]);
  }
}

bool PieceCache::add(std::string_view piece, const PieceKey& key, uint64_t hash, std::span<const int32_t> ids,
                     Value& added) {
  if (piece.size() > kLongestPiece || (n_used_ + 1) * 10 > slots_.size() * 2 * 9 || bytes() > limit_) return false;
  // The first word must leave room for the count.
  if (ids_.size() + ids.size() >= size_t{1} << kCountShift) return false;
  added.n_ids = ids.size() <= PieceIds::kInline ? static_cast<uint32_t>(ids.size()) : PieceIds::kCached;
  added.ids = {};
  if (added.n_ids == PieceIds::kCached) {
    added.ids.words = {static_cast<uint32_t>(ids_.size()), static_cast<uint32_t>(ids.size())};
    ids_.insert(ids_.end(), ids.begin(), ids.end());
  } else {
    std::copy(ids.begin(), ids.end(), added.ids.words.begin());
  }
  Slot slot{key, added.ids};
  slot.ids.words[0] |= added.n_ids << kCountShift;
  if (key.empty()) {
    slot.key.words = {hash, long_tag(piece.size()) | pieces_.size()};
    pieces_.insert(pieces_.end(), piece.begin(), piece.end());
  }
  insert(slot, hash);
  ++n_used_;
  return true;
}

}  // namespace tidemill
