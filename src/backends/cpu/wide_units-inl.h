// Products of 16 bits, for many rows where the processor has no product of bytes by fours.
//
// There two halves of an activation would take three instructions each and, where weights are signed bytes, two more
// for the signs.  Whole activations of 16 bits meet weights that are widened in registers: one product of pairs and one
// sum for two elements, which is half the work or less, and the same integers, since 256 * high + low is the activation
// and nothing overflows (32 products of 8 and 16 bits have at most 28).
//
// Included once per target by the .cpp files that use foreach_target.h.
#include "backends/cpu/activations.h"
#include "backends/cpu/dot_int8-inl.h"
#include "backends/cpu/lanes-inl.h"

#if defined(TIDEMILL_BACKENDS_CPU_WIDE_UNITS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TIDEMILL_BACKENDS_CPU_WIDE_UNITS_INL_H_
#undef TIDEMILL_BACKENDS_CPU_WIDE_UNITS_INL_H_
#else
#define TIDEMILL_BACKENDS_CPU_WIDE_UNITS_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

constexpr bool kHasWideUnits = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_SSE4;

// A word holds two activations.  Without an instruction that reads one into all lanes it lies in memory as often as a
// register has lanes.
constexpr int kWordCopies = HWY_TARGET == HWY_SSE4 ? 4 : 1;

// One group of a row: words 2 u and 2 u + 1 are elements 4 u, 4 u + 2 and 4 u + 1, 4 u + 3, as even and odd bytes of a
// unit meet them.
struct alignas(64) WideGroup {
  uint32_t words[kGroupLength / 2][kWordCopies];
};

template <bool kPairs>
HWY_INLINE void widen_group([[maybe_unused]] const ActivationGroup& group, [[maybe_unused]] WideGroup& out) {
#if HWY_TARGET != HWY_SCALAR
  const hn::FixedTag<int16_t, 8> d16;
  const hn::FixedTag<uint8_t, 16> d8;
  const hn::FixedTag<uint32_t, 4> d32;
  const hn::Rebind<int8_t, decltype(d16)> half;
  HWY_ALIGN static constexpr uint8_t kOrder[16] = {0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15};
  const auto order = hn::Load(d8, kOrder);
  TIDEMILL_UNROLL
  for (int i = 0; i < kGroupLength; i += 8) {
    const auto high = hn::ShiftLeft<8>(hn::PromoteTo(d16, hn::LoadU(half, group.high + i)));
    auto low = hn::PromoteTo(d16, hn::LoadU(half, group.low + (kPairs ? i % 16 : i)));
    if (kPairs && i >= 16) low = hn::ShiftLeft<4>(low);
    const auto words = hn::BitCast(d32, hn::TableLookupBytes(hn::BitCast(d8, hn::Add(high, low)), order));
    uint32_t* const to = out.words[i / 2];
    if constexpr (kWordCopies == 1) {
      hn::Store(words, d32, to);
    } else {
      hn::Store(hn::Broadcast<0>(words), d32, to);
      hn::Store(hn::Broadcast<1>(words), d32, to + kWordCopies);
      hn::Store(hn::Broadcast<2>(words), d32, to + 2 * kWordCopies);
      hn::Store(hn::Broadcast<3>(words), d32, to + 3 * kWordCopies);
    }
  }
#endif
}

HWY_INLINE VU activation_word(const uint32_t* word) {
  if constexpr (kWordCopies == 1) return hn::Set(DU(), *word);
  return hn::Load(DU(), word);
}

// acc[lane] += the products of both halves of a lane.  Exact.  The compiler shall not add the products of two words
// first: it would need registers for them, and keep sums in memory.
HWY_INLINE VI dot2(VI acc, VU weights, VU x) {
#if HWY_TARGET == HWY_AVX3
  acc.raw = _mm512_add_epi32(acc.raw, _mm512_madd_epi16(weights.raw, x.raw));
  asm("" : "+v"(acc.raw));
#elif HWY_TARGET == HWY_AVX2
  acc.raw = _mm256_add_epi32(acc.raw, _mm256_madd_epi16(weights.raw, x.raw));
  asm("" : "+x"(acc.raw));
#elif HWY_TARGET == HWY_SSE4
  acc.raw = _mm_add_epi32(acc.raw, _mm_madd_epi16(weights.raw, x.raw));
  asm("" : "+x"(acc.raw));
#else
  static_cast<void>(weights);
  static_cast<void>(x);
#endif
  return acc;
}

// The even or odd bytes of a unit, in 16 bits each.
template <bool kOdd, bool kSigned>
HWY_INLINE VU wide_bytes(VU unit) {
#if HWY_TARGET != HWY_SCALAR
  if constexpr (kSigned) {
    const hn::Repartition<int16_t, DU> d16;
    auto halves = hn::BitCast(d16, unit);
    if constexpr (!kOdd) halves = hn::ShiftLeft<8>(halves);
    return hn::BitCast(DU(), hn::ShiftRight<8>(halves));
  }
#endif
  if constexpr (kOdd) unit = hn::ShiftRight<8>(unit);
  return hn::And(unit, hn::Set(DU(), 0x00ff00ff));
}

// The codes of four bits that begin at bit kShift of each 16.
template <int kShift>
HWY_INLINE VU wide_codes(VU pairs) {
  if constexpr (kShift > 0) pairs = hn::ShiftRight<kShift>(pairs);
  return hn::And(pairs, hn::Set(DU(), 0x000f000f));
}

// What a vector of 16-bit halves is cut into, and which word of a group operand `operand` of vector 0 meets: units into
// even and odd bytes, pairs into those of elements k and those of elements k + 16.
constexpr int operand_count(bool is_pairs) {
  return is_pairs ? 4 : 2;
}
constexpr int word_of_operand(int operand) {
  return operand / 2 * (kGroupLength / 4) + operand % 2;
}

template <bool kPairs, bool kSigned, int kOperand>
HWY_INLINE VU wide_operand(VU vector) {
  if constexpr (kPairs) return wide_codes<kOperand / 2 * 4 + kOperand % 2 * 8>(vector);
  return wide_bytes < kOperand == 1, kSigned > (vector);
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include once per target
