#include "text/words/word_cutter.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "text/words/word_cutter.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "text/pieces/window_bits-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// One bit per byte of the window that is no white space.
HWY_INLINE uint64_t word_bytes(const uint8_t* bytes) {
  return bits_where(bytes, [](auto d, auto v) HWY_ATTR {
    auto space = hn::Eq(v, hn::Set(d, static_cast<uint8_t>(kWordSpaces[0])));
    for (size_t n = 1; n < kWordSpaces.size(); ++n) {
      space = hn::Or(space, hn::Eq(v, hn::Set(d, static_cast<uint8_t>(kWordSpaces[n]))));
    }
    return hn::Not(space);
  });
}

// Writes where the bits are to the members of words in a row, eight at a time whatever their number, so that few
// branches depend on it.
template <uint32_t ByteRange::* kMember>
HWY_INLINE size_t write_places(uint64_t bits, size_t begin, ByteRange* words) {
  const auto n = static_cast<size_t>(hwy::PopCount(bits));
  for (size_t done = 0; done < n; done += 8) {
    for (size_t k = done; k < done + 8; ++k, bits &= bits - 1) {
      words[k].*kMember = static_cast<uint32_t>(begin + static_cast<size_t>(std::countr_zero(bits)));
    }
  }
  return n;
}

// A word may be open at the end of a window: its begin is written, its end is not.
size_t cut(std::string_view text, size_t& from, ByteRange* words) {
  constexpr size_t kMostPerWindow = kWindow / 2;
  size_t n_begun = 0;
  size_t n_ended = 0;
  uint64_t inside = 0;  // 1: the window begins inside a word
  size_t pos = from;
  // The word that is open when there is no room for more comes again; but one must end.
  for (; pos < text.size() && (n_begun + kMostPerWindow <= PieceBlock::kPieces || n_ended == 0); pos += kWindow) {
    std::array<uint8_t, kWindow> padded;
    const auto* bytes = reinterpret_cast<const uint8_t*>(text.data()) + pos;
    if (text.size() - pos < kWindow) {
      padded.fill(static_cast<uint8_t>(kWordSpaces[0]));
      std::memcpy(padded.data(), bytes, text.size() - pos);
      bytes = padded.data();
    }
    const uint64_t word = word_bytes(bytes);
    const uint64_t changes = word ^ (word << 1 | inside);
    n_begun += write_places<&ByteRange::begin>(changes & word, pos, words + n_begun);
    n_ended += write_places<&ByteRange::end>(changes & ~word, pos, words + n_ended);
    inside = word >> (kWindow - 1);
  }
  const bool at_end = pos >= text.size();
  if (at_end && n_ended < n_begun) words[n_ended++].end = static_cast<uint32_t>(text.size());
  from = at_end ? text.size() : n_ended < n_begun ? words[n_ended].begin : pos;
  return n_ended;
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(cut);

size_t cut_words(std::string_view text, size_t& from, std::span<ByteRange, kWordRoom> words) {
  return HWY_DYNAMIC_DISPATCH(cut)(text, from, words.data());
}

}  // namespace tidemill

#endif
