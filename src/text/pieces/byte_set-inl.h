// Which bytes of a vector are in a ByteSet.  Included once per Highway target.
//
// Bytes are looked up by their halves (Langdale and Lemire 2019, arXiv:1902.08318, section 3.1.2).
#if defined(TIDEMILL_TEXT_BYTE_SET_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef TIDEMILL_TEXT_BYTE_SET_INL_H
#undef TIDEMILL_TEXT_BYTE_SET_INL_H
#else
#define TIDEMILL_TEXT_BYTE_SET_INL_H
#endif

#include <hwy/highway.h>

#include "text/pieces/byte_set.h"
#include "text/pieces/window_bits-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR

template <typename D>
class HeldBytes {
 public:
  HWY_INLINE explicit HeldBytes(const ByteSet::Halves& set)
      : low_(hn::LoadDup128(D(), set.low.data())), high_(hn::LoadDup128(D(), set.high.data())) {}

  HWY_INLINE hn::Mask<D> operator()(hn::Vec<D> bytes) const {
    alignas(16) static constexpr uint8_t kLowBits[16] = {1, 2, 4, 8, 16, 32, 64, 128, 0, 0, 0, 0, 0, 0, 0, 0};
    alignas(16) static constexpr uint8_t kHighBits[16] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128};
    const D d;
    const auto lower = hn::And(bytes, hn::Set(d, uint8_t{0x0F}));
    const auto upper = hn::ShiftRight<4>(bytes);
    const auto found =
        hn::Or(hn::And(hn::TableLookupBytes(low_, lower), hn::TableLookupBytes(hn::LoadDup128(d, kLowBits), upper)),
               hn::And(hn::TableLookupBytes(high_, lower), hn::TableLookupBytes(hn::LoadDup128(d, kHighBits), upper)));
    return hn::Ne(found, hn::Zero(d));
  }

 private:
  hn::Vec<D> low_, high_;
};

#endif

// One bit per byte of 64 that is in the set.
HWY_INLINE uint64_t held_bits(const ByteSet& set, const uint8_t* bytes) {
#if HWY_TARGET == HWY_SCALAR
  uint64_t bits = 0;
  for (size_t k = 0; k < kWindow; ++k) bits |= uint64_t{set.holds(static_cast<char>(bytes[k]))} << k;
  return bits;
#else
  const HeldBytes<hn::CappedTag<uint8_t, kWindow>> held(set.halves());
  return bits_where(bytes, [&](auto, auto v) HWY_ATTR { return held(v); });
#endif
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
