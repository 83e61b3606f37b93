// A window of 64 bytes of text as bits.  Included once per Highway target.
#if defined(TIDEMILL_TEXT_WINDOW_BITS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef TIDEMILL_TEXT_WINDOW_BITS_INL_H
#undef TIDEMILL_TEXT_WINDOW_BITS_INL_H
#else
#define TIDEMILL_TEXT_WINDOW_BITS_INL_H
#endif

#include <hwy/highway.h>

#include <array>
#include <cstdint>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr size_t kWindow = 64;

// One bit per byte of the window, set where `test(d, vector)` holds.
template <typename Test>
HWY_INLINE uint64_t bits_where(const uint8_t* bytes, const Test& test) {
  const hn::CappedTag<uint8_t, kWindow> d;
  uint64_t bits = 0;
  for (size_t k = 0; k < kWindow; k += hn::Lanes(d)) {
    uint64_t part = 0;
    hn::StoreMaskBits(d, test(d, hn::LoadU(d, bytes + k)), reinterpret_cast<uint8_t*>(&part));
    bits |= part << k;
  }
  return bits;
}

HWY_INLINE uint64_t bytes_equal_to(const uint8_t* bytes, char c) {
  return bits_where(bytes, [c](auto d, auto v) HWY_ATTR { return hn::Eq(v, hn::Set(d, static_cast<uint8_t>(c))); });
}

// Bytes of characters that are not ASCII.
HWY_INLINE uint64_t bytes_beyond_ascii(const uint8_t* bytes) {
  return bits_where(bytes, [](auto d, auto v) HWY_ATTR { return hn::Gt(v, hn::Set(d, uint8_t{0x7F})); });
}

// Bytes that begin a character.
HWY_INLINE uint64_t lead_bytes(const uint8_t* bytes) {
  return bits_where(bytes, [](auto d, auto v) HWY_ATTR {
    return hn::Ne(hn::And(v, hn::Set(d, uint8_t{0xC0})), hn::Set(d, uint8_t{0x80}));
  });
}

// The bytes of the character that begins at `at` as a number, the first the lowest; four bytes can be read.
HWY_INLINE uint32_t character_at(const uint8_t* at) {
  static constexpr std::array<uint32_t, 16> kBytes = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF,   0xFF,   0xFF,     0xFF,
                                                      0xFF, 0xFF, 0xFF, 0xFF, 0xFFFF, 0xFFFF, 0xFFFFFF, 0xFFFFFFFF};
  uint32_t bytes;
  std::memcpy(&bytes, at, sizeof(bytes));
  return bytes & kBytes[*at >> 4];
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
