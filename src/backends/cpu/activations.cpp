#include "backends/cpu/activations.h"

#include <algorithm>
#include <numeric>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/activations.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "backends/cpu/formats-inl.h"
#include "backends/cpu/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

constexpr int kHalf = 16;  // elements that share a sum

HWY_INLINE Floats load_half(const float* x) {
  Floats out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::LoadU(DF(), x + i * kPartLanes);
  return out;
}

// Compares magnitudes as integers, in whose order NaN is the greatest and does not get lost.
HWY_INLINE float greatest_magnitude(const float* x) {
  VI greatest = hn::Zero(DI());
  TIDEMILL_UNROLL
  for (int i = 0; i < kGroupLength; i += kPartLanes) {
    greatest = hn::Max(greatest, hn::BitCast(DI(), hn::Abs(hn::LoadU(DF(), x + i))));
  }
  return hn::GetLane(hn::BitCast(DF(), hn::MaxOfLanes(DI(), greatest)));
}

// Rounds to bytes, ties to even.
HWY_INLINE Ints store_rounded(const Floats& value, int8_t* out) {
  Ints rounded;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) {
    const hn::Rebind<int8_t, DI> d8;
    rounded.part[i] = hn::NearestInt(value.part[i]);
    hn::StoreU(hn::DemoteTo(d8, rounded.part[i]), d8, out + i * kPartLanes);
  }
  return rounded;
}

HWY_INLINE Floats at_least(const Floats& value, float least) {
  Floats out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::Max(value.part[i], hn::Set(DF(), least));
  return out;
}

struct HalfSums {
  int32_t first, second;
};

// Sums of 16 signed bytes each, of one group.
HWY_INLINE HalfSums sum_halves(const int8_t* group) {
#if HWY_TARGET == HWY_SCALAR
  return {std::accumulate(group, group + kHalf, 0), std::accumulate(group + kHalf, group + kGroupLength, 0)};
#else
  const hn::CappedTag<uint8_t, kGroupLength> d8;
  const hn::Repartition<uint64_t, decltype(d8)> d64;
  HWY_ALIGN uint64_t eights[kGroupLength / 8];  // sums of 8 bytes, each byte 128 higher
  for (int j = 0; j < kGroupLength; j += static_cast<int>(hn::MaxLanes(d8))) {
    const auto bytes = hn::LoadU(d8, reinterpret_cast<const uint8_t*>(group) + j);
    hn::Store(hn::SumsOf8(hn::Xor(bytes, hn::Set(d8, 0x80))), d64, eights + j / 8);
  }
  return {static_cast<int32_t>(eights[0] + eights[1]) - kHalf * 128,
          static_cast<int32_t>(eights[2] + eights[3]) - kHalf * 128};
#endif
}

// One group with 1 / s = `inverse`.
HWY_INLINE void quantize_group(const float* x, float inverse, int8_t* high, int8_t* low) {
  TIDEMILL_UNROLL
  for (int i = 0; i < kGroupLength; i += kHalf) {
    const Floats scaled = load_half(x + i) * inverse;
    const Ints rounded = store_rounded(scaled, high + i);
    const Floats rest = mul_add(to_floats(rounded), set_floats(-1.0f), scaled);  // exact
    store_rounded(at_least(rest * 256.0f, -127.0f), low + i);                    // bytes end at 127 by themselves
  }
}

void quantize_row(const float* x, int64_t row, const QuantizedRows& out) {
  const int64_t n_cols = out.n_cols, n_groups = n_cols / kGroupLength;
  float* scale = out.scale + row * n_groups;
  int32_t* sums = out.sums + row * n_cols / kHalf;
  int8_t* high = out.high + row * n_cols;
  int8_t* low = out.low + row * n_cols;
  float poison = 0;  // NaN when the row holds NaN or infinity: so will be what it touches
  for (int64_t g = 0; g < n_groups; ++g, x += kGroupLength, high += kGroupLength, low += kGroupLength) {
    const float greatest = greatest_magnitude(x);
    const bool is_zero = greatest < kLeastMagnitude;
    poison += greatest * 0.0f;
    scale[g] = is_zero ? 0.0f : greatest / (127.0f * 256.0f);
    quantize_group(x, is_zero ? 0.0f : 127.0f / greatest, high, low);
    const HalfSums of_high = sum_halves(high), of_low = sum_halves(low);
    sums[2 * g] = 256 * of_high.first + of_low.first;
    sums[2 * g + 1] = 256 * of_high.second + of_low.second;
  }
  if (poison != 0.0f) std::fill_n(scale, n_groups, poison);
}

void quantize_rows_of_target(const Tensor& x, int64_t begin, int64_t end, const QuantizedRows& out) {
  for (int64_t row = begin; row < end; ++row) quantize_row(x.row<float>(row), row, out);
}

int dot_offset_of_target(DType dtype) {
  return dot_offset(panel_format(dtype));
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tidemill {

HWY_EXPORT(quantize_rows_of_target);
HWY_EXPORT(dot_offset_of_target);

void quantize_rows(const Tensor& x, int64_t begin, int64_t end, const QuantizedRows& out) {
  HWY_DYNAMIC_DISPATCH(quantize_rows_of_target)(x, begin, end, out);
}

void make_terms(DType dtype, const QuantizedRows& rows, int64_t begin, int64_t end, ActivationTerm* terms) {
  const int offset = HWY_DYNAMIC_DISPATCH(dot_offset_of_target)(dtype);
  const int length = panel_format(dtype).scale_length;
  const int64_t n_parts = rows.n_cols / length;
  for (int64_t row = begin; row < end; ++row) {
    for (int64_t part = 0; part < n_parts; ++part) {
      const int64_t half = (row * rows.n_cols + part * length) / 16;
      const int32_t sum = rows.sums[half] + (length == kGroupLength ? rows.sums[half + 1] : 0);
      const float scale = rows.scale[row * (rows.n_cols / kGroupLength) + part * length / kGroupLength];
      terms[row * n_parts + part] = {scale, -offset * sum, scale * static_cast<float>(sum)};
    }
  }
}

}  // namespace tidemill
#endif  // HWY_ONCE
