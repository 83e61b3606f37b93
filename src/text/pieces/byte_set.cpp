#include "text/pieces/byte_set.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "text/pieces/byte_set.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "text/pieces/byte_set-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// How many bytes from `bytes` on, in whole vectors, are none of the set.
size_t skip_others(const ByteSet::Halves& set, const uint8_t* bytes, size_t size) {
#if HWY_TARGET == HWY_SCALAR
  (void)set, (void)bytes, (void)size;
  return 0;
#else
  const hn::CappedTag<uint8_t, 64> d;
  const HeldBytes<decltype(d)> held(set);
  size_t pos = 0;
  for (; pos + hn::Lanes(d) <= size; pos += hn::Lanes(d)) {
    if (!hn::AllFalse(d, held(hn::LoadU(d, bytes + pos)))) break;
  }
  return pos;
#endif
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {
namespace {

constexpr size_t kLargestVector = 64;

}  // namespace

HWY_EXPORT(skip_others);

void ByteSet::add(char byte) {
  const auto value = static_cast<uint8_t>(byte);
  holds_[value] = true;
  std::array<uint8_t, 16>& half = value < 0x80 ? halves_.low : halves_.high;
  half[value & 0xF] = static_cast<uint8_t>(half[value & 0xF] | 1u << (value >> 4 & 7));
}

size_t ByteSet::find_in(std::string_view text, size_t from) const {
  while (true) {
    from += HWY_DYNAMIC_DISPATCH(skip_others)(halves_, reinterpret_cast<const uint8_t*>(text.data()) + from,
                                              text.size() - from);
    // What is left is less than a vector, or has a byte of the set in the first one.
    const size_t end = std::min(from + kLargestVector, text.size());
    while (from < end && !holds(text[from])) ++from;
    if (from < end || end == text.size()) return from;
  }
}

}  // namespace tidemill

#endif
