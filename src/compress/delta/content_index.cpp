#include "compress/delta/content_index.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "sys/random.h"

namespace tidemill {
namespace {

constexpr size_t kMinCut = 64;  // bytes of a chunk that no line feed ends
constexpr size_t kMaxChunk = 4096;
constexpr uint64_t kCutMask = uint64_t{511} << 55;  // one place in 512

constexpr int kSlotBits = 23;
constexpr uint64_t kMaxSlots = uint64_t{1} << kSlotBits;
constexpr int kPositionBits = 40;
constexpr uint64_t kMaxPosition = (uint64_t{1} << kPositionBits) - 2;
constexpr uint64_t kReleaseBytes = 4 << 20;

std::array<uint64_t, 256> gear_table() {
  std::array<uint64_t, 256> table{};
  Random random(17);
  for (uint64_t& value : table) {
    const uint64_t high = random.next();
    value = high << 32 | random.next();
  }
  return table;
}

uint64_t hash_of(std::span<const std::byte> chunk) {
  return XXH3_64bits(chunk.data(), chunk.size());
}

uint64_t tag_of(uint64_t hash) {
  return hash >> kPositionBits;
}

}  // namespace

size_t chunk_end(std::span<const std::byte> bytes, size_t begin) {
  static const std::array<uint64_t, 256> kGear = gear_table();
  const size_t last = std::min(bytes.size(), begin + kMaxChunk);
  uint64_t hash = 0;
  for (size_t i = begin; i < last; ++i) {
    const auto byte = std::to_integer<uint8_t>(bytes[i]);
    const size_t length = i + 1 - begin;
    hash = (hash << 1) + kGear[byte];
    if (byte == '\n') return i + 1;
    if ((hash & kCutMask) == 0 && length >= kMinCut) return i + 1;
  }
  return last;
}

ContentIndex::ContentIndex(std::span<const std::byte> bytes,
                           const std::function<void(std::span<const std::byte>)>& release)
    : bytes_(bytes) {
  slots_.resize(std::min(kMaxSlots, std::bit_ceil(std::max<uint64_t>(bytes.size() / kMinChunk * 2, 64))));
  while (!add_all(release)) {
    std::ranges::fill(slots_, 0);
    ++n_skipped_bits_;
  }
}

// Whether all that are to be known fit.
bool ContentIndex::add_all(const std::function<void(std::span<const std::byte>)>& release) {
  const uint64_t mask = slots_.size() - 1, skipped = (uint64_t{1} << n_skipped_bits_) - 1;
  uint64_t n_added = 0, released = 0;
  for (uint64_t begin = 0; begin < bytes_.size() && begin <= kMaxPosition;) {
    const uint64_t end = chunk_end(bytes_, begin);
    const uint64_t hash = hash_of(bytes_.subspan(begin, end - begin));
    if (end - begin >= kMinChunk && (hash >> kSlotBits & skipped) == 0) {
      uint64_t slot = hash & mask;
      // Of equal chunks the first one is kept.
      while (slots_[slot] != 0 && slots_[slot] >> kPositionBits != tag_of(hash)) slot = (slot + 1) & mask;
      if (slots_[slot] == 0) {
        if (++n_added > slots_.size() / 2) return false;
        slots_[slot] = tag_of(hash) << kPositionBits | (begin + 1);
      }
    }
    begin = end;
    if (begin - released >= kReleaseBytes) {
      release(bytes_.subspan(released, begin - released));
      released = begin;
    }
  }
  return true;
}

std::optional<uint64_t> ContentIndex::find(std::span<const std::byte> chunk) const {
  if (chunk.size() < kMinChunk) return std::nullopt;
  const uint64_t mask = slots_.size() - 1, hash = hash_of(chunk);
  for (uint64_t slot = hash & mask; slots_[slot] != 0; slot = (slot + 1) & mask) {
    if (slots_[slot] >> kPositionBits != tag_of(hash)) continue;
    const uint64_t position = (slots_[slot] & ((uint64_t{1} << kPositionBits) - 1)) - 1;
    const bool is_equal = chunk.size() <= bytes_.size() - position &&
                          std::memcmp(bytes_.data() + position, chunk.data(), chunk.size()) == 0;
    if (is_equal) return position;
    return std::nullopt;  // another chunk of the same tag came first
  }
  return std::nullopt;
}

}  // namespace tidemill
