#include "backends/cpu/activations.h"

#include <algorithm>
#include <cmath>
#include <cstring>

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

float greatest_magnitude(const float* x) {
  VF greatest = hn::Zero(DF());
  for (int i = 0; i < kGroupLength; i += kPartLanes) greatest = hn::Max(greatest, hn::Abs(hn::LoadU(DF(), x + i)));
  return hn::GetLane(hn::MaxOfLanes(DF(), greatest));
}

float sum_of_squares(const float* x, int64_t n) {
  Floats sum = set_floats(0);
  for (int64_t k = 0; k < n; k += kHalf) {
    const Floats value = load_half(x + k);
    sum = mul_add(value, value, sum);
  }
  VF total = sum.part[0];
  for (int i = 1; i < kParts; ++i) total = hn::Add(total, sum.part[i]);
  return hn::GetLane(hn::SumOfLanes(DF(), total));
}

// Stores 16 numbers of at most 127 in magnitude as bytes; returns their sum.
HWY_INLINE int32_t store_bytes(const Ints& numbers, int8_t* out) {
  VI total = hn::Zero(DI());
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) {
    const hn::Rebind<int8_t, DI> d8;
    hn::StoreU(hn::DemoteTo(d8, numbers.part[i]), d8, out + i * kPartLanes);
    total = hn::Add(total, numbers.part[i]);
  }
  return hn::GetLane(hn::SumOfLanes(DI(), total));
}

HWY_INLINE Ints round_to_byte(const Floats& value) {
  Ints out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) {
    const VI rounded = hn::NearestInt(value.part[i]);  // ties to even
    out.part[i] = hn::Max(hn::Min(rounded, hn::Set(DI(), 127)), hn::Set(DI(), -127));
  }
  return out;
}

// Sixteen elements of a group with 1 / s = `inverse`.
void quantize_half(const float* x, float inverse, bool loud, int8_t* high, int8_t* low, int32_t* high_sum,
                   int32_t* low_sum) {
  const Floats scaled = load_half(x) * inverse;
  const Ints numbers = round_to_byte(scaled);
  *high_sum = store_bytes(numbers, high);
  if (!loud) {
    std::memset(low, 0, kHalf);
    *low_sum = 0;
    return;
  }
  const Floats rest = mul_add(to_floats(numbers), set_floats(-1.0f), scaled);  // exact
  *low_sum = store_bytes(round_to_byte(rest * 256.0f), low);
}

void quantize_row(const float* x, int64_t row, float loud, const QuantizedRows& out) {
  const int64_t n_cols = out.n_cols;
  const float mean_square = sum_of_squares(x, n_cols) / static_cast<float>(n_cols);
  const float threshold = loud * std::sqrt(mean_square);
  const float poison = mean_square * 0.0f;  // NaN when the row holds NaN or infinity: so will be what it touches
  uint8_t* is_loud = out.is_loud + row * out.n_superblocks();
  std::memset(is_loud, 0, static_cast<size_t>(out.n_superblocks()));
  for (int64_t k = 0; k < n_cols; k += kGroupLength) {
    const float greatest = greatest_magnitude(x + k);
    const bool is_zero = greatest < 0x1p-80f;
    const bool group_is_loud = !is_zero && greatest > threshold;
    const float inverse = is_zero ? 0.0f : 127.0f / greatest;
    const int64_t group = k / kGroupLength;
    out.scale[row * (n_cols / kGroupLength) + group] = (is_zero ? 0.0f : greatest / 127.0f) + poison;
    if (group_is_loud) is_loud[k / kSuperblockLength] |= static_cast<uint8_t>(1 << group % kGroupsPerSuperblock);
    for (int64_t i = k; i < k + kGroupLength; i += kHalf) {
      const int64_t half = (row * n_cols + i) / kHalf;
      quantize_half(x + i, inverse, group_is_loud, out.high + row * n_cols + i, out.low + row * n_cols + i,
                    out.high_sum + half, out.low_sum + half);
    }
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
