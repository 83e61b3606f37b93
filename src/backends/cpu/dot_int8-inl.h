// The int8 dot product of 16 rows: the only place of the matmul that knows instruction sets.
//
// Included once per target by the .cpp files that use foreach_target.h.
#include "backends/cpu/lanes-inl.h"
#include "tensor/panels.h"

#if defined(TIDEMILL_BACKENDS_CPU_DOT_INT8_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TIDEMILL_BACKENDS_CPU_DOT_INT8_INL_H_
#undef TIDEMILL_BACKENDS_CPU_DOT_INT8_INL_H_
#else
#define TIDEMILL_BACKENDS_CPU_DOT_INT8_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// Whether units of this format enter the dot product as signed numbers, their offset already taken off; otherwise they
// enter as the unsigned codes and the offset is made good through the sum of the activations.
//   VNNI multiplies unsigned by signed and sums four products without overflow: always unsigned.
//   maddubs saturates 16-bit sums of two products, which codes of up to 6 bits never reach but bytes do: those enter
//   signed, through the products of their magnitudes, which 2 * 128 * 127 keeps within 16 bits.
//   Arm multiplies signed by signed.
constexpr bool has_signed_units(PanelFormat format) {
#if HWY_TARGET == HWY_AVX3_DL
  static_cast<void>(format);
  return false;
#elif HWY_ARCH_ARM
  static_cast<void>(format);
  return true;
#else
  return format.offset == kByteOffset;
#endif
}

// Codes of 4 bits enter as they are.  Bytes of two of them, which low numbers of pairs meet, do so where products are
// unsigned by signed and cannot overflow; elsewhere 128 less, as signed numbers.
constexpr bool kSignedCodes = HWY_ARCH_ARM;
constexpr bool kSignedPairs = HWY_TARGET != HWY_AVX3_DL;
constexpr int kPairOffset = kSignedPairs ? kByteOffset : 0;

// acc[lane] += sum over c of weights[lane][c] * x[lane][c]; x is signed and at least -127.  Exact.
template <bool kSigned>
HWY_INLINE VI dot4(VI acc, VU weights, VU x) {
#if HWY_TARGET == HWY_AVX3_DL
  static_assert(!kSigned);
  // As assembly, because Highway 1.0.3 compiles this target without the compiler's avx512vnni option.
  asm("vpdpbusd %2, %1, %0" : "+v"(acc.raw) : "v"(weights.raw), "v"(x.raw));
  return acc;
#elif HWY_TARGET == HWY_AVX3
  __m512i w = weights.raw, y = x.raw;
  if constexpr (kSigned) {
    y = _mm512_mask_sub_epi8(y, _mm512_movepi8_mask(w), _mm512_setzero_si512(), y);
    w = _mm512_abs_epi8(w);
  }
  return VI{_mm512_add_epi32(acc.raw, _mm512_madd_epi16(_mm512_maddubs_epi16(w, y), _mm512_set1_epi16(1)))};
#elif HWY_TARGET == HWY_AVX2
  __m256i w = weights.raw, y = x.raw;
  if constexpr (kSigned) {
    y = _mm256_sign_epi8(y, w);
    w = _mm256_abs_epi8(w);
  }
  return VI{_mm256_add_epi32(acc.raw, _mm256_madd_epi16(_mm256_maddubs_epi16(w, y), _mm256_set1_epi16(1)))};
#elif HWY_TARGET == HWY_SSE4
  __m128i w = weights.raw, y = x.raw;
  if constexpr (kSigned) {
    y = _mm_sign_epi8(y, w);
    w = _mm_abs_epi8(w);
  }
  return VI{_mm_add_epi32(acc.raw, _mm_madd_epi16(_mm_maddubs_epi16(w, y), _mm_set1_epi16(1)))};
#elif HWY_TARGET == HWY_NEON
  static_assert(kSigned);
  const int8x16_t w = vreinterpretq_s8_u32(weights.raw), y = vreinterpretq_s8_u32(x.raw);
#if defined(__ARM_FEATURE_DOTPROD)
  return VI(vdotq_s32(acc.raw, w, y));
#else
  const int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(y)), high = vmull_high_s8(w, y);
  return VI(vpadalq_s16(acc.raw, vpaddq_s16(low, high)));  // 2 * 128 * 127 fits in 16 bits
#endif
#else
  int32_t sum = hn::GetLane(acc);
  const uint32_t w = hn::GetLane(weights), y = hn::GetLane(x);
  for (int c = 0; c < 32; c += 8) {
    const int weight = kSigned ? static_cast<int8_t>(w >> c) : static_cast<uint8_t>(w >> c);
    sum += weight * static_cast<int8_t>(y >> c);
  }
  return hn::Set(DI(), sum);
#endif
}

// The same for all 16 rows; x: the 4 activations that meet this unit.
template <bool kSigned>
HWY_INLINE Ints dot(const Ints& acc, const Words& unit, const Words& x) {
  Ints out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = dot4<kSigned>(acc.part[i], unit.part[i], x.part[i]);
  return out;
}

// The codes of elements k (kHigh: k + 16) in bytes of pairs, and the operand that the bytes themselves are.
template <bool kHigh>
HWY_INLINE Words codes_of_pairs(const Words& pairs) {
  return shift_and<kHigh ? 4 : 0>(pairs, 0x0f0f0f0f);
}
HWY_INLINE Words operand_of_pairs(const Words& pairs) {
  if constexpr (kSignedPairs) return pairs ^ 0x80808080;
  return pairs;
}

// Four activations for every row.
HWY_INLINE Words broadcast4(const int8_t* x) {
  uint32_t word;
  __builtin_memcpy(&word, x, sizeof word);
  Words out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::Set(DU(), word);
  return out;
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include once per target
