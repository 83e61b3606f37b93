#include "compress/arrays/kept_numbers.h"

#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compress/arrays/kept_numbers.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Vectors of numbers are compressed in 32-bit lanes, which all targets do quickly, and neither masks nor places go
// through memory: places are made once and added to, for Iota is written lane by lane and then waited for.

// How much of an array whole vectors are, and what of that was kept.
struct Kept {
  size_t n_seen = 0;
  size_t n = 0;
};

// Numbers without their signs are in order as signed integers, too.
template <class D>
HWY_INLINE auto is_large(D d, hn::VFromD<D> number, hn::VFromD<D> magnitude, hn::VFromD<D> least) {
  const hn::RebindToSigned<D> signed_d;
  return hn::RebindMask(
      d, hn::Not(hn::Lt(hn::BitCast(signed_d, hn::And(number, magnitude)), hn::BitCast(signed_d, least))));
}

Kept keep_vectors(const uint32_t* numbers, size_t n, uint32_t least, uint32_t first, uint32_t* indices,
                  uint32_t* values) {
  const hn::ScalableTag<uint32_t> d;
  const auto magnitude = hn::Set(d, 0x7FFFFFFF);
  const auto threshold = hn::Set(d, least);
  const auto iota = hn::Iota(d, first);
  size_t index = 0;
  size_t n_kept = 0;
  for (; index + hn::Lanes(d) <= n; index += hn::Lanes(d)) {
    const auto number = hn::LoadU(d, numbers + index);
    const auto is_kept = is_large(d, number, magnitude, threshold);
    if (hn::AllFalse(d, is_kept)) continue;
    const auto places = hn::Add(iota, hn::Set(d, static_cast<uint32_t>(index)));
    hn::StoreU(hn::Compress(number, is_kept), d, values + n_kept);
    hn::StoreU(hn::Compress(places, is_kept), d, indices + n_kept);
    n_kept += hn::CountTrue(d, is_kept);
  }
  return {index, n_kept};
}

#if HWY_TARGET <= HWY_AVX3_DL  // x86 that compresses lanes of 16 bits, too

// A vector of numbers goes with two of indices.
Kept keep_vectors(const uint16_t* numbers, size_t n, uint16_t least, uint32_t first, uint32_t* indices,
                  uint16_t* values) {
  const hn::ScalableTag<uint16_t> d;
  const hn::ScalableTag<uint32_t> d32;
  using HalfMask = hn::MFromD<decltype(d32)>;
  const size_t n_half = hn::Lanes(d32);
  const auto magnitude = hn::Set(d, 0x7FFF);
  const auto threshold = hn::Set(d, least);
  const auto iota = hn::Iota(d32, first);
  size_t index = 0;
  size_t n_kept = 0;
  for (; index + hn::Lanes(d) <= n; index += hn::Lanes(d)) {
    const auto number = hn::LoadU(d, numbers + index);
    const auto is_kept = is_large(d, number, magnitude, threshold);
    const uint32_t bits = is_kept.raw;
    if (bits == 0) continue;
    const auto low = static_cast<uint16_t>(bits), high = static_cast<uint16_t>(bits >> 16);
    const auto places = hn::Add(iota, hn::Set(d32, static_cast<uint32_t>(index)));
    const size_t n_low = hwy::PopCount(low);
    hn::StoreU(hn::Compress(number, is_kept), d, values + n_kept);
    hn::StoreU(hn::Compress(places, HalfMask{low}), d32, indices + n_kept);
    hn::StoreU(hn::Compress(hn::Add(places, hn::Set(d32, static_cast<uint32_t>(n_half))), HalfMask{high}), d32,
               indices + n_kept + n_low);
    n_kept += n_low + hwy::PopCount(high);
  }
  return {index, n_kept};
}

#else

// In lanes twice as wide.
Kept keep_vectors(const uint16_t* numbers, size_t n, uint16_t least, uint32_t first, uint32_t* indices,
                  uint16_t* values) {
  const hn::ScalableTag<uint32_t> d;
  const hn::Rebind<uint16_t, decltype(d)> d16;
  const hn::RebindToSigned<decltype(d)> signed_d;
  const auto magnitude = hn::Set(d, 0x7FFF);
  const auto threshold = hn::Set(d, least);
  const auto iota = hn::Iota(d, first);
  size_t index = 0;
  size_t n_kept = 0;
  for (; index + hn::Lanes(d) <= n; index += hn::Lanes(d)) {
    const auto number = hn::PromoteTo(d, hn::LoadU(d16, numbers + index));
    const auto is_kept = is_large(d, number, magnitude, threshold);
    if (hn::AllFalse(d, is_kept)) continue;
    const auto together = hn::Compress(number, is_kept);
    hn::StoreU(hn::DemoteTo(d16, hn::BitCast(signed_d, together)), d16, values + n_kept);
    const auto places = hn::Add(iota, hn::Set(d, static_cast<uint32_t>(index)));
    hn::StoreU(hn::Compress(places, is_kept), d, indices + n_kept);
    n_kept += hn::CountTrue(d, is_kept);
  }
  return {index, n_kept};
}

#endif

// In pairs of lanes, of which the first ones hold the indices.
Kept keep_vectors(const uint64_t* numbers, size_t n, uint64_t least, uint32_t first, uint32_t* indices,
                  uint64_t* values) {
  size_t index = 0;
  size_t n_kept = 0;
#if HWY_TARGET != HWY_SCALAR  // whose vectors have no pairs
  const hn::ScalableTag<uint64_t> d;
  const hn::Repartition<uint32_t, decltype(d)> d32;
  const auto magnitude = hn::Set(d, ~uint64_t{0} >> 1);
  const auto threshold = hn::Set(d, least);
  const auto first_of_pair = hn::Set(d, 0xFFFFFFFF);
  const auto iota = hn::Iota(d, first);
  for (; index + hn::Lanes(d) <= n; index += hn::Lanes(d)) {
    const auto number = hn::LoadU(d, numbers + index);
    const auto is_kept = is_large(d, number, magnitude, threshold);
    if (hn::AllFalse(d, is_kept)) continue;
    const auto pairs = hn::VecFromMask(d, is_kept);
    const auto both = hn::MaskFromVec(hn::BitCast(d32, pairs));
    const auto one = hn::MaskFromVec(hn::BitCast(d32, hn::And(pairs, first_of_pair)));
    const auto places = hn::BitCast(d32, hn::Add(iota, hn::Set(d, index)));
    hn::StoreU(hn::BitCast(d, hn::Compress(hn::BitCast(d32, number), both)), d, values + n_kept);
    hn::StoreU(hn::Compress(places, one), d32, indices + n_kept);
    n_kept += hn::CountTrue(d, is_kept);
  }
#else
  (void)numbers, (void)n, (void)least, (void)first, (void)indices, (void)values;
#endif
  return {index, n_kept};
}

template <typename Unsigned>
HWY_INLINE size_t keep(const Unsigned* numbers, size_t n, Unsigned least, uint32_t first, uint32_t* indices,
                       Unsigned* values) {
  constexpr Unsigned kMagnitude = std::numeric_limits<Unsigned>::max() >> 1;
  const Kept kept = keep_vectors(numbers, n, least, first, indices, values);
  size_t n_kept = kept.n;
  for (size_t index = kept.n_seen; index < n; ++index) {
    if ((numbers[index] & kMagnitude) < least) continue;
    values[n_kept] = numbers[index];
    indices[n_kept++] = first + static_cast<uint32_t>(index);
  }
  return n_kept;
}

size_t keep_u16(const uint16_t* numbers, size_t n, uint16_t least, uint32_t first, uint32_t* indices,
                uint16_t* values) {
  return keep(numbers, n, least, first, indices, values);
}
size_t keep_u32(const uint32_t* numbers, size_t n, uint32_t least, uint32_t first, uint32_t* indices,
                uint32_t* values) {
  return keep(numbers, n, least, first, indices, values);
}
size_t keep_u64(const uint64_t* numbers, size_t n, uint64_t least, uint32_t first, uint32_t* indices,
                uint64_t* values) {
  return keep(numbers, n, least, first, indices, values);
}

// A plain loop: the compiler makes vectors of each target out of it.
template <typename Index>
HWY_INLINE bool ascend(const Index* indices, size_t n) {
  unsigned n_wrong = 0;
  for (size_t k = 1; k < n; ++k) n_wrong |= indices[k] <= indices[k - 1] ? 1U : 0U;
  return n_wrong == 0;
}

bool ascend_u32(const uint32_t* indices, size_t n) {
  return ascend(indices, n);
}
bool ascend_u64(const uint64_t* indices, size_t n) {
  return ascend(indices, n);
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(keep_u16);
HWY_EXPORT(keep_u32);
HWY_EXPORT(keep_u64);
HWY_EXPORT(ascend_u32);
HWY_EXPORT(ascend_u64);

size_t keep_large(const uint16_t* numbers, size_t n, uint16_t least, uint32_t first, uint32_t* indices,
                  uint16_t* values) {
  return HWY_DYNAMIC_DISPATCH(keep_u16)(numbers, n, least, first, indices, values);
}
size_t keep_large(const uint32_t* numbers, size_t n, uint32_t least, uint32_t first, uint32_t* indices,
                  uint32_t* values) {
  return HWY_DYNAMIC_DISPATCH(keep_u32)(numbers, n, least, first, indices, values);
}
size_t keep_large(const uint64_t* numbers, size_t n, uint64_t least, uint32_t first, uint32_t* indices,
                  uint64_t* values) {
  return HWY_DYNAMIC_DISPATCH(keep_u64)(numbers, n, least, first, indices, values);
}

bool ascend_within(const uint32_t* indices, size_t n, uint64_t least, uint64_t end) {
  return n == 0 || (indices[0] >= least && indices[n - 1] < end && HWY_DYNAMIC_DISPATCH(ascend_u32)(indices, n));
}
bool ascend_within(const uint64_t* indices, size_t n, uint64_t least, uint64_t end) {
  return n == 0 || (indices[0] >= least && indices[n - 1] < end && HWY_DYNAMIC_DISPATCH(ascend_u64)(indices, n));
}

}  // namespace tidemill

#endif
