#include "backends/cpu/activations.h"

#include <algorithm>
#include <numeric>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/activations.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "backends/cpu/formats-inl.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/wide_units-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

constexpr int kHalf = 16;  // elements that share a sum

// Compares magnitudes as integers, in whose order NaN is the greatest and does not get lost.
HWY_INLINE float greatest_magnitude(const float* x) {
  VI greatest = hn::Zero(DI());
  TIDEMILL_UNROLL
  for (int i = 0; i < kGroupLength; i += kPartLanes) {
    greatest = hn::Max(greatest, hn::BitCast(DI(), hn::Abs(hn::LoadU(DF(), x + i))));
  }
  return hn::GetLane(hn::BitCast(DF(), hn::MaxOfLanes(DI(), greatest)));
}

// Ties to even.
HWY_INLINE Ints rounded(const Floats& value) {
  Ints out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::NearestInt(value.part[i]);
  return out;
}

// Numbers beyond a byte become its nearest end.
HWY_INLINE void store_bytes(const Ints& value, int8_t* out) {
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) {
    const hn::Rebind<int8_t, DI> d8;
    hn::StoreU(hn::DemoteTo(d8, value.part[i]), d8, out + i * kPartLanes);
  }
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

// What a group of greatest magnitude 1 becomes, in the integers of each form.  Low numbers of pairs reach nearly 8
// high steps into x[k + 16], which the high numbers must make good.
constexpr float kGreatestOfHalves = 127.0f * 256.0f;
constexpr float kGreatestOfPairs = 120.0f * 256.0f;

// One group with 1 / scale = `inverse`.
HWY_INLINE void quantize_bytes(const float* x, float inverse, ActivationGroup& out) {
  TIDEMILL_UNROLL
  for (int i = 0; i < kGroupLength; i += kHalf) {
    store_bytes(rounded(load_floats_unaligned(x + i) * (inverse * (1.0f / 256.0f))), out.high + i);
    store_bytes(set_ints(0), out.low + i);
  }
}

// One group with 1 / scale = `inverse`.
HWY_INLINE void quantize_halves(const float* x, float inverse, ActivationGroup& out) {
  TIDEMILL_UNROLL
  for (int i = 0; i < kGroupLength; i += kHalf) {
    const Floats scaled = load_floats_unaligned(x + i) * (inverse * (1.0f / 256.0f));
    const Ints high = rounded(scaled);
    const Floats rest = mul_add(to_floats(high), set_floats(-1.0f), scaled);  // exact
    store_bytes(high, out.high + i);
    store_bytes(rounded(at_least(rest * 256.0f, -127.0f)), out.low + i);  // bytes end at 127 by themselves
  }
}

// 16 where a number is -128, else 0: a step of q away from the byte that has no opposite.
HWY_INLINE Ints step_off_least(const Ints& low) {
  Ints out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) {
    out.part[i] = hn::IfThenElseZero(hn::Eq(low.part[i], hn::Set(DI(), -128)), hn::Set(DI(), 16));
  }
  return out;
}

// One group with 1 / scale = `inverse`.
HWY_INLINE void quantize_pairs(const float* x, float inverse, ActivationGroup& out) {
  const Floats first = load_floats_unaligned(x) * inverse;
  const Ints p = rounded(load_floats_unaligned(x + kHalf) * (inverse * (1.0f / 16.0f)));
  const Ints q = rounded(mul_add(to_floats(p), set_floats(-1.0f), first) * (1.0f / 16.0f));
  Ints whole = p + shift_left<4>(q);                  // x[k]
  Ints low = shift_right<24>(shift_left<24>(whole));  // its low byte
  const Ints step = step_off_least(low);
  whole = whole + step;
  low = low + step;
  store_bytes(shift_right<8>(whole - low), out.high);  // exact, as is the next
  store_bytes(shift_right<4>(p - low), out.high + kHalf);
  store_bytes(low, out.low);
  store_bytes(set_ints(0), out.low + kHalf);
}

void quantize_row(const float* x, int64_t row, const QuantizedRows& out) {
  const int64_t n_groups = out.n_cols / kGroupLength;
  const bool is_pairs = out.form == ActivationForm::pairs;
  const float reach = is_pairs ? kGreatestOfPairs : kGreatestOfHalves;
  float* scale = out.scale + row * n_groups;
  int32_t* sums = out.sums + row * n_groups * 2;
  ActivationGroup* group = out.groups + row * out.stride;
  float poison = 0;  // NaN when the row holds NaN or infinity: so will be what it touches
  for (int64_t g = 0; g < n_groups; ++g, ++group, x += kGroupLength) {
    const float greatest = greatest_magnitude(x);
    const bool is_zero = greatest < kLeastMagnitude;
    poison += greatest * 0.0f;
    scale[g] = is_zero ? 0.0f : greatest / reach;
    const float inverse = is_zero ? 0.0f : reach / greatest;
    switch (out.form) {
      case ActivationForm::halves:
        quantize_halves(x, inverse, *group);
        break;
      case ActivationForm::pairs:
        quantize_pairs(x, inverse, *group);
        break;
      case ActivationForm::bytes:
        quantize_bytes(x, inverse, *group);
        break;
    }
    const HalfSums high = sum_halves(group->high), low = sum_halves(group->low);
    sums[2 * g] = is_pairs ? 256 * (high.first + high.second) + 17 * low.first : 256 * high.first + low.first;
    sums[2 * g + 1] = is_pairs ? low.first : 256 * high.second + low.second;
  }
  if (poison != 0.0f) std::fill_n(scale, n_groups, poison);
}

void quantize_rows_of_target(const Tensor& x, int64_t begin, int64_t end, const QuantizedRows& out) {
  for (int64_t row = begin; row < end; ++row) quantize_row(x.row<float>(row), row, out);
}

// How much higher than the weights the operands that meet high numbers are.
int code_offset_of_target(PanelFormat format) {
  return has_code_pairs(format) ? format.offset : dot_offset(format);
}

// The same of bytes of two codes that meet low numbers, which wide units take apart.
int pair_offset_of_target(Kernel kernel) {
  return kernel == Kernel::gemm && kHasWideUnits ? 0 : kPairOffset;
}

// What a kernel's integers are counted in, where low numbers are zeros.
int unit_of_bytes_of_target(Kernel kernel) {
  return kernel == Kernel::gemm && !kHasWideUnits ? 256 : 1;
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tidemill {

HWY_EXPORT(quantize_rows_of_target);
HWY_EXPORT(code_offset_of_target);
HWY_EXPORT(pair_offset_of_target);
HWY_EXPORT(unit_of_bytes_of_target);

void quantize_rows(const Tensor& x, int64_t begin, int64_t end, const QuantizedRows& out) {
  HWY_DYNAMIC_DISPATCH(quantize_rows_of_target)(x, begin, end, out);
}

void make_terms(DType dtype, Kernel kernel, const QuantizedRows& rows, int64_t begin, int64_t end,
                ActivationTerm* terms) {
  const PanelFormat format = panel_format(dtype);
  const int code_offset = HWY_DYNAMIC_DISPATCH(code_offset_of_target)(format);
  const int pair_offset = HWY_DYNAMIC_DISPATCH(pair_offset_of_target)(kernel);
  const int unit = rows.form == ActivationForm::bytes ? HWY_DYNAMIC_DISPATCH(unit_of_bytes_of_target)(kernel) : 1;
  const int64_t n_groups = rows.n_cols / kGroupLength;
  ActivationTerm* term = terms + begin * (rows.n_cols / format.scale_length);
  for (int64_t i = begin * n_groups; i < end * n_groups; ++i) {
    const float scale = rows.scale[i];
    const int32_t* sums = rows.sums + 2 * i;
    const auto add = [&](int32_t sum, int32_t low_of_pairs) {
      *term++ = {scale * static_cast<float>(unit), (pair_offset * low_of_pairs - code_offset * sum) / unit,
                 scale * static_cast<float>(sum)};
    };
    if (rows.form == ActivationForm::pairs) {
      add(sums[0], sums[1]);
    } else if (format.scale_length == kGroupLength) {
      add(sums[0] + sums[1], 0);
    } else {
      add(sums[0], 0);
      add(sums[1], 0);
    }
  }
}

}  // namespace tidemill
#endif  // HWY_ONCE
