#include "backends/cpu/int8_rows.h"

#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/int8_rows.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "backends/cpu/int8_codes-inl.h"
#include "backends/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

constexpr float kSteps = 253.0f;  // between the ends of a row: no rounding leads to a code that has no opposite
constexpr int32_t kLeastCode = -126;

struct Range {
  float least, greatest;  // 0 is between them
  float poison;           // NaN where a number is NaN or infinite, else 0
};

Range range_of(const float* x, int64_t n) {
  const DF d;
  VF least = hn::Zero(d), greatest = hn::Zero(d), poison = hn::Zero(d);
  for_each_vector(d, static_cast<size_t>(n), [&](auto load, auto) HWY_ATTR {
    const VF value = load(x);
    least = hn::Min(least, value);
    greatest = hn::Max(greatest, value);
    poison = hn::MulAdd(value, hn::Zero(d), poison);
  });
  return {hn::GetLane(hn::MinOfLanes(d, least)), hn::GetLane(hn::MaxOfLanes(d, greatest)),
          hn::GetLane(hn::SumOfLanes(d, poison))};
}

// codes = x / scale + zero, rounded, ties to even.
void store_codes(const float* x, int64_t n, float inverse, float zero, uint8_t* out) {
  const DF d;
  const hn::Rebind<Int8Code, DF> d8;
  const VF factor = hn::Set(d, inverse), offset = hn::Set(d, zero);
  auto* const codes = reinterpret_cast<Int8Code*>(out);
  const auto encode = [&](VF value)
                          HWY_ATTR { return hn::DemoteTo(d8, hn::NearestInt(hn::MulAdd(value, factor, offset))); };
  int64_t i = 0;
  for (; i + kPartLanes <= n; i += kPartLanes) hn::StoreU(encode(hn::LoadU(d, x + i)), d8, codes + i);
  if (i == n) return;
  const auto rest = encode(load_first(d, x + i, static_cast<size_t>(n - i)));  // a row has room for whole vectors
  hn::StoreU(rest, d8, codes + i);
}

void quantize_int8_rows_of_target(const Tensor& x, int64_t begin, int64_t end, const Int8Rows& out) {
  for (int64_t row = begin; row < end; ++row) {
    const float* const values = x.row<float>(row);
    const Range range = range_of(values, out.n_cols);
    const float width = range.greatest - range.least;
    const bool is_finite = range.poison == 0.0f && width < std::numeric_limits<float>::infinity();
    const bool has_numbers = is_finite && width > kSteps * std::numeric_limits<float>::min();
    const float inverse = has_numbers ? kSteps / width : 0.0f;
    const auto below = has_numbers ? static_cast<int32_t>(std::lrintf(-range.least * inverse)) : 0;
    const int32_t zero = kLeastCode + below + kInt8Offset;
    store_codes(values, out.n_cols, inverse, static_cast<float>(zero), out.codes + row * out.stride);
    const float scale = has_numbers ? width / kSteps : 0.0f;
    out.scale[row] = is_finite ? scale : std::numeric_limits<float>::quiet_NaN();
    out.zero[row] = zero;
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tidemill {

HWY_EXPORT(quantize_int8_rows_of_target);

void quantize_int8_rows(const Tensor& x, int64_t begin, int64_t end, const Int8Rows& out) {
  HWY_DYNAMIC_DISPATCH(quantize_int8_rows_of_target)(x, begin, end, out);
}

}  // namespace tidemill
#endif  // HWY_ONCE
