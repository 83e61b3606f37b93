// Square transposition of vectors in registers.  Included once per Highway target (foreach_target.h).
#if defined(TIDEMILL_BACKENDS_CPU_TRANSPOSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TIDEMILL_BACKENDS_CPU_TRANSPOSE_INL_H_
#undef TIDEMILL_BACKENDS_CPU_TRANSPOSE_INL_H_
#else
#define TIDEMILL_BACKENDS_CPU_TRANSPOSE_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr size_t kFloatLanes = hn::MaxLanes(hn::ScalableTag<float>());

#if HWY_TARGET == HWY_SCALAR

HWY_INLINE void transpose(hn::Vec<hn::ScalableTag<float>> (&)[1]) {}

#else

// Rows 0..3 of each 128-bit block become its columns.
template <class V>
HWY_INLINE void transpose_blocks(V& r0, V& r1, V& r2, V& r3) {
  const hn::ScalableTag<float> d;
  const hn::Repartition<uint64_t, decltype(d)> d64;
  const auto low01 = hn::BitCast(d64, hn::InterleaveLower(d, r0, r1));
  const auto low23 = hn::BitCast(d64, hn::InterleaveLower(d, r2, r3));
  const auto high01 = hn::BitCast(d64, hn::InterleaveUpper(d, r0, r1));
  const auto high23 = hn::BitCast(d64, hn::InterleaveUpper(d, r2, r3));
  r0 = hn::BitCast(d, hn::InterleaveLower(d64, low01, low23));
  r1 = hn::BitCast(d, hn::InterleaveUpper(d64, low01, low23));
  r2 = hn::BitCast(d, hn::InterleaveLower(d64, high01, high23));
  r3 = hn::BitCast(d, hn::InterleaveUpper(d64, high01, high23));
}

// rows[i] lane j <-> rows[j] lane i, for as many rows as a vector has lanes: 4x4 inside the blocks, then whole blocks.
template <class V>
HWY_INLINE void transpose(V (&rows)[kFloatLanes]) {
  const hn::ScalableTag<float> d;
  for (size_t i = 0; i < kFloatLanes; i += 4) transpose_blocks(rows[i], rows[i + 1], rows[i + 2], rows[i + 3]);
#if HWY_MAX_BYTES == 32
  for (size_t j = 0; j < 4; ++j) {
    const V a = rows[j], b = rows[4 + j];
    rows[j] = hn::ConcatLowerLower(d, b, a);
    rows[4 + j] = hn::ConcatUpperUpper(d, b, a);
  }
#elif HWY_MAX_BYTES == 64
  for (size_t j = 0; j < 4; ++j) {
    // Numbers are blocks: low02 is a0 a1 c0 c1, high02 is a2 a3 c2 c3, and so on.
    const V a = rows[j], b = rows[4 + j], c = rows[8 + j], e = rows[12 + j];
    const V low02 = hn::ConcatLowerLower(d, c, a), high02 = hn::ConcatUpperUpper(d, c, a);
    const V low13 = hn::ConcatLowerLower(d, e, b), high13 = hn::ConcatUpperUpper(d, e, b);
    rows[j] = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(low13), low02);
    rows[4 + j] = hn::OddEvenBlocks(low13, hn::SwapAdjacentBlocks(low02));
    rows[8 + j] = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(high13), high02);
    rows[12 + j] = hn::OddEvenBlocks(high13, hn::SwapAdjacentBlocks(high02));
  }
#else
  (void)d;
  static_assert(kFloatLanes == 4);
#endif
}

#endif

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
