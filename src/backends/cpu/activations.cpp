#include "backends/cpu/activations.h"

#include <algorithm>
#include <cmath>
#include <cstring>
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

// Sums of 16 signed bytes each.
void sum_halves(const int8_t* bytes, int64_t n, int32_t* sums) {
#if HWY_TARGET == HWY_SCALAR
  for (int64_t i = 0; i < n / kHalf; ++i) sums[i] = std::accumulate(bytes + i * kHalf, bytes + (i + 1) * kHalf, 0);
#else
  const hn::CappedTag<uint8_t, kGroupLength> d8;
  const hn::Repartition<uint64_t, decltype(d8)> d64;
  for (int64_t i = 0; i < n; i += kGroupLength) {
    HWY_ALIGN uint64_t eights[kGroupLength / 8];  // sums of 8 bytes, each byte 128 higher
    for (int j = 0; j < kGroupLength; j += static_cast<int>(hn::MaxLanes(d8))) {
      const auto group = hn::LoadU(d8, reinterpret_cast<const uint8_t*>(bytes) + i + j);
      hn::Store(hn::SumsOf8(hn::Xor(group, hn::Set(d8, 0x80))), d64, eights + j / 8);
    }
    sums[i / kHalf] = static_cast<int32_t>(eights[0] + eights[1]) - kHalf * 128;
    sums[i / kHalf + 1] = static_cast<int32_t>(eights[2] + eights[3]) - kHalf * 128;
  }
#endif
}

// One group with 1 / s = `inverse`.
HWY_INLINE void quantize_group(const float* x, float inverse, bool is_loud, int8_t* high, int8_t* low) {
  TIDEMILL_UNROLL
  for (int i = 0; i < kGroupLength; i += kHalf) {
    const Floats scaled = load_half(x + i) * inverse;
    const Ints rounded = store_rounded(scaled, high + i);
    if (!is_loud) continue;
    const Floats rest = mul_add(to_floats(rounded), set_floats(-1.0f), scaled);  // exact
    store_rounded(at_least(rest * 256.0f, -127.0f), low + i);                    // bytes end at 127 by themselves
  }
  if (!is_loud) std::memset(low, 0, kGroupLength);
}

// Fills scale[] with the groups' greatest magnitudes; returns their root mean square.
float measure_groups(const float* x, int64_t n_groups, float* scale) {
  float sum = 0;
  for (int64_t g = 0; g < n_groups; ++g) {
    scale[g] = greatest_magnitude(x + g * kGroupLength);
    sum += scale[g] * scale[g];
  }
  return std::sqrt(sum / static_cast<float>(n_groups));
}

void quantize_row(const float* x, int64_t row, float loud, const QuantizedRows& out) {
  const int64_t n_cols = out.n_cols, n_groups = n_cols / kGroupLength;
  float* scale = out.scale + row * n_groups;
  uint8_t* loud_bits = out.is_loud + row * out.n_superblocks();
  int8_t* high = out.high + row * n_cols;
  int8_t* low = out.low + row * n_cols;
  std::memset(loud_bits, 0, static_cast<size_t>(out.n_superblocks()));
  const float size = measure_groups(x, n_groups, scale);
  const float poison = size * 0.0f;  // NaN when the row holds NaN or infinity: so will be what it touches
  bool any_loud = false;
  for (int64_t g = 0; g < n_groups; ++g) {
    const float greatest = scale[g];
    const bool is_zero = greatest < kLeastMagnitude;
    const bool is_loud = !is_zero && greatest > loud * size;
    scale[g] = (is_zero ? 0.0f : greatest / 127.0f) + poison;
    quantize_group(x + g * kGroupLength, is_zero ? 0.0f : 127.0f / greatest, is_loud, high + g * kGroupLength,
                   low + g * kGroupLength);
    any_loud |= is_loud;
    loud_bits[g / kGroupsPerSuperblock] |= static_cast<uint8_t>(is_loud << g % kGroupsPerSuperblock);
  }
  sum_halves(high, n_cols, out.high_sum + row * n_cols / kHalf);
  if (any_loud) {
    sum_halves(low, n_cols, out.low_sum + row * n_cols / kHalf);
  } else {
    std::fill_n(out.low_sum + row * n_cols / kHalf, n_cols / kHalf, 0);
  }
}

void quantize_rows_of_target(const Tensor& x, int64_t begin, int64_t end, float loud, const QuantizedRows& out) {
  for (int64_t row = begin; row < end; ++row) quantize_row(x.row<float>(row), row, loud, out);
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

void quantize_rows(const Tensor& x, int64_t begin, int64_t end, float loud, const QuantizedRows& out) {
  HWY_DYNAMIC_DISPATCH(quantize_rows_of_target)(x, begin, end, loud, out);
}

void make_terms(DType dtype, const QuantizedRows& rows, int64_t begin, int64_t end, ActivationTerm* terms) {
  const int offset = HWY_DYNAMIC_DISPATCH(dot_offset_of_target)(dtype);
  const int length = panel_format(dtype).scale_length;
  const int64_t n_parts = rows.n_cols / length;
  for (int64_t row = begin; row < end; ++row) {
    for (int64_t part = 0; part < n_parts; ++part) {
      const int64_t half = (row * rows.n_cols + part * length) / 16;
      int32_t high = rows.high_sum[half], low = rows.low_sum[half];
      if (length == kGroupLength) {
        high += rows.high_sum[half + 1];
        low += rows.low_sum[half + 1];
      }
      const float scale = rows.scale[row * (rows.n_cols / kGroupLength) + part * length / kGroupLength];
      terms[row * n_parts + part] = {scale, -offset * high, -offset * low,
                                     scale * 0x1p-8f * static_cast<float>(256 * high + low)};
    }
  }
}

}  // namespace tidemill
#endif  // HWY_ONCE
