#include "text/sentencepiece/known_characters.h"

#include <algorithm>
#include <bit>

#include "text/unicode/code_points.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "text/sentencepiece/known_characters.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "text/pieces/byte_set-inl.h"
#include "text/pieces/token_windows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// The code point of a character that is not ASCII; four bytes can be read.
HWY_INLINE uint32_t code_point_at(const uint8_t* at) {
  // By the upper half of the first byte: how many of 18 bits are behind the character, and what of that byte counts.
  static constexpr uint8_t kShifts[4] = {12, 12, 6, 0};
  static constexpr uint8_t kMasks[4] = {0x1F, 0x1F, 0x0F, 0x07};
  const size_t kind = (at[0] >> 4) - 0xC;
  const uint32_t bits = (at[0] & kMasks[kind]) << 18 | (at[1] & 0x3Fu) << 12 | (at[2] & 0x3Fu) << 6 | (at[3] & 0x3Fu);
  return bits >> kShifts[kind];
}

// Appends where in the joined tokens characters stand that neither `ascii` nor the bits of `words` hold.
void find_unknown(const TokenStrings& tokens, const ByteSet& ascii, const uint64_t* words,
                  std::vector<uint32_t>& places) {
  const auto* const first = reinterpret_cast<const uint8_t*>(tokens.joined().data());
  for_each_window(tokens, [&](const uint8_t* bytes, uint64_t, size_t size) HWY_ATTR {
    const uint64_t inside = size < kWindow ? (uint64_t{1} << size) - 1 : ~uint64_t{0};
    const uint64_t beyond = bytes_beyond_ascii(bytes);
    uint64_t unknown = inside & ~beyond & ~held_bits(ascii, bytes);
    for (uint64_t leads = inside & beyond & lead_bytes(bytes); leads != 0; leads &= leads - 1) {
      const int k = std::countr_zero(leads);
      const uint32_t c = code_point_at(bytes + k);
      unknown |= (~words[c >> 6] >> (c & 63) & 1) << k;
    }
    for (; unknown != 0; unknown &= unknown - 1) {
      places.push_back(static_cast<uint32_t>(bytes - first) + static_cast<uint32_t>(std::countr_zero(unknown)));
    }
  });
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(find_unknown);

void KnownCharacters::add(std::string_view character) {
  size_t pos = 0;
  const char32_t c = next_code_point(character, pos);
  words_[c >> 6] |= uint64_t{1} << (c & 63);
  if (c < 0x80) ascii_.add(static_cast<char>(c));
}

std::vector<int32_t> KnownCharacters::misspelled(const TokenStrings& tokens) const {
  std::vector<uint32_t> places;
  HWY_DYNAMIC_DISPATCH(find_unknown)(tokens, ascii_, words_.data(), places);
  std::vector<int32_t> ids;
  const std::span<const uint32_t> ends = tokens.ends();
  for (const uint32_t place : places) {
    if (!ids.empty() && place < ends[static_cast<size_t>(ids.back())]) continue;
    ids.push_back(static_cast<int32_t>(std::upper_bound(ends.begin(), ends.end(), place) - ends.begin()));
  }
  return ids;
}

}  // namespace tidemill

#endif
