#include "compress/quantize/scale_fit.h"

#include <algorithm>
#include <cmath>

#include "tensor/half.h"

namespace tidemill {
#ifndef TIDEMILL_SCALE_FIT_NUMBERS
#define TIDEMILL_SCALE_FIT_NUMBERS
// Numbers with their importance.
struct Numbers {
  const float* x;
  const float* w;
  int64_t n;
};
#endif
}  // namespace tidemill

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compress/quantize/scale_fit.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "compress/quantize/rounding-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

struct Range {
  float least, greatest;
};

HWY_INLINE float sum_of(FitVec v) {
  return hn::GetLane(hn::SumOfLanes(FitTag(), v));
}

HWY_INLINE Range range_of(const Numbers& numbers) {
  const FitTag d;
  FitVec least = hn::Zero(d), greatest = hn::Zero(d);
  for (int64_t i = 0; i < numbers.n; i += static_cast<int64_t>(hn::Lanes(d))) {
    const FitVec x = hn::LoadU(d, numbers.x + i);
    least = hn::Min(least, x);
    greatest = hn::Max(greatest, x);
  }
  return {hn::GetLane(hn::MinOfLanes(d, least)), hn::GetLane(hn::MaxOfLanes(d, greatest))};
}

// How far candidates cut into the range of the numbers, as shares of it: few codes gain from cutting off much.
HWY_INLINE Range cuts_for(const Levels& levels) {
  if (levels.n_codes <= 4) return {0.55f, 1.10f};
  if (levels.n_codes <= 8) return {0.65f, 1.10f};
  if (levels.n_codes <= 16) return {0.75f, 1.08f};
  return {0.9f, 1.04f};
}

constexpr int kCandidates = 16;

// Sums over numbers x and their levels q, each times the importance.
struct SymmetricSums {
  float xq, qq;
  // How much of the sum of x^2 the best scale for these levels explains, and that scale.
  float gain() const { return qq > 0 ? xq * xq / qq : 0; }
  float scale() const { return qq > 0 ? xq / qq : 0; }
};

template <typename Rounding>
HWY_INLINE SymmetricSums symmetric_sums(const Numbers& numbers, float inverse, float zero, const Rounding& round) {
  const FitTag d;
  const FitVec inverses = hn::Set(d, inverse), zeros = hn::Set(d, zero);
  FitVec xq = hn::Zero(d), qq = hn::Zero(d);
  for (int64_t i = 0; i < numbers.n; i += static_cast<int64_t>(hn::Lanes(d))) {
    const FitVec x = hn::LoadU(d, numbers.x + i);
    const FitVec q = hn::Sub(round(hn::MulAdd(x, inverses, zeros)), zeros);
    const FitVec wq = hn::Mul(hn::LoadU(d, numbers.w + i), q);
    xq = hn::MulAdd(wq, x, xq);
    qq = hn::MulAdd(wq, q, qq);
  }
  return {sum_of(xq), sum_of(qq)};
}

template <typename Rounding>
HWY_INLINE ScaleFit symmetric(const Numbers& numbers, const Levels& levels, ScaleSearch search, const Rounding& round) {
  const Range range = range_of(numbers);
  const float extreme = -range.least > range.greatest ? range.least : range.greatest;
  if (extreme == 0) return {};
  const auto first = static_cast<float>(levels.first()), last = static_cast<float>(levels.last());
  if (search == ScaleSearch::plain) return {extreme / first, 0};
  float best_gain = -1, best_scale = extreme / first;
  const auto consider = [&](float inverse) {
    const SymmetricSums sums = symmetric_sums(numbers, inverse, 0, round);
    if (sums.gain() <= best_gain) return;
    best_gain = sums.gain();
    best_scale = sums.scale();
  };
  const Range cuts = cuts_for(levels);
  for (int i = 0; i < kCandidates; ++i) {
    const float cut = cuts.least + (cuts.greatest - cuts.least) * static_cast<float>(i) / (kCandidates - 1);
    consider(first / (extreme * cut));
    consider(last / (extreme * cut));
  }
  for (int again = 0; again < 2 && best_scale != 0; ++again) consider(1 / best_scale);
  return {best_scale, 0};
}

struct AffineSums {
  float w, x, q, xq, qq;

  // The least squares solution; scale and base that are allowed, at least.
  ScaleFit solved() const {
    const float determinant = w * qq - q * q;
    if (determinant > 0) {
      const ScaleFit fit{(w * xq - x * q) / determinant, (qq * x - q * xq) / determinant};
      if (fit.base <= 0 && fit.scale > 0) return fit;
    }
    return {qq > 0 ? std::max(0.0f, xq / qq) : 0, 0};
  }
  // Less the sum of x^2, which is the same for all.
  float error(const ScaleFit& fit) const {
    return fit.scale * (fit.scale * qq - 2 * xq + 2 * fit.base * q) + fit.base * (fit.base * w - 2 * x);
  }
};

template <typename Rounding>
HWY_INLINE AffineSums affine_sums(const Numbers& numbers, float inverse, float base, const Rounding& round) {
  const FitTag d;
  const FitVec inverses = hn::Set(d, inverse), bases = hn::Set(d, base);
  FitVec sw = hn::Zero(d), sx = sw, sq = sw, sxq = sw, sqq = sw;
  for (int64_t i = 0; i < numbers.n; i += static_cast<int64_t>(hn::Lanes(d))) {
    const FitVec x = hn::LoadU(d, numbers.x + i), w = hn::LoadU(d, numbers.w + i);
    const FitVec q = round(hn::Mul(hn::Sub(x, bases), inverses));
    const FitVec wq = hn::Mul(w, q);
    sw = hn::Add(sw, w);
    sx = hn::MulAdd(w, x, sx);
    sq = hn::Add(sq, wq);
    sxq = hn::MulAdd(wq, x, sxq);
    sqq = hn::MulAdd(wq, q, sqq);
  }
  return {sum_of(sw), sum_of(sx), sum_of(sq), sum_of(sxq), sum_of(sqq)};
}

ScaleFit affine(const Numbers& numbers, const Levels& levels, ScaleSearch search) {
  const LinearRounding round(levels);
  const Range range = range_of(numbers);
  const float width = range.greatest - range.least;
  if (width == 0) return {};
  const auto top = static_cast<float>(levels.last());
  ScaleFit best{width / top, range.least};
  if (search == ScaleSearch::plain) return best;
  float best_error = affine_sums(numbers, 1 / best.scale, best.base, round).error(best);
  const auto consider = [&](float scale, float base) {
    if (scale <= 0) return;
    const AffineSums sums = affine_sums(numbers, 1 / scale, base, round);
    const ScaleFit fit = sums.solved();
    const float error = sums.error(fit);
    if (error >= best_error) return;
    best_error = error;
    best = fit;
  };
  const Range cuts = cuts_for(levels);
  for (int i = 0; i < kCandidates; ++i) {
    const float cut = cuts.least + (cuts.greatest - cuts.least) * static_cast<float>(i) / (kCandidates - 1);
    consider(width * cut / top, range.least * cut);
    consider(width * cut / top, range.least);
  }
  for (int again = 0; again < 2; ++again) consider(best.scale, best.base);
  return best;
}

constexpr int kZerosAround[] = {0, -1, 1};

struct ThreeSums {
  SymmetricSums of[3];
};

// For levels 0 to `top` less a zero, and less those around it: one rounding serves all three.
HWY_INLINE ThreeSums zero_sums(const Numbers& numbers, float inverse, float zero, float top) {
  const FitTag d;
  const FitVec inverses = hn::Set(d, inverse);
  FitVec least[3], greatest[3], xq[3], qq[3];
  for (int i = 0; i < 3; ++i) {
    least[i] = hn::Set(d, -(zero + static_cast<float>(kZerosAround[i])));
    greatest[i] = hn::Add(hn::Set(d, top), least[i]);
    xq[i] = qq[i] = hn::Zero(d);
  }
  for (int64_t at = 0; at < numbers.n; at += static_cast<int64_t>(hn::Lanes(d))) {
    const FitVec x = hn::LoadU(d, numbers.x + at), w = hn::LoadU(d, numbers.w + at);
    const FitVec rounded = hn::Round(hn::Mul(x, inverses)), wx = hn::Mul(w, x);
    for (int i = 0; i < 3; ++i) {
      const FitVec q = hn::Clamp(rounded, least[i], greatest[i]);
      xq[i] = hn::MulAdd(wx, q, xq[i]);
      qq[i] = hn::MulAdd(hn::Mul(w, q), q, qq[i]);
    }
  }
  ThreeSums sums;
  for (int i = 0; i < 3; ++i) sums.of[i] = {sum_of(xq[i]), sum_of(qq[i])};
  return sums;
}

ScaleFit zero_point(const Numbers& numbers, const Levels& levels, ScaleSearch search) {
  const Range range = range_of(numbers);
  const float width = range.greatest - range.least;
  if (width == 0) return {};
  const auto top = static_cast<float>(levels.last());
  const auto as_stored = [](float scale) {
    return std::max(f16_to_f32(f32_to_f16(std::min(scale, 65504.0f))), 0x1p-24f);
  };
  const auto zero_for = [&](float scale, float least) { return std::clamp(std::nearbyint(-least / scale), 0.0f, top); };
  float best_scale = as_stored(width / top), best_zero = zero_for(best_scale, range.least);
  if (search == ScaleSearch::least_error) {
    float best_error = INFINITY;
    const auto consider = [&](float zero, const SymmetricSums& sums) {
      // No other scale explains more with these levels, nor does the stored one.
      if (zero < 0 || zero > top || sums.scale() <= 0 || -sums.gain() >= best_error) return;
      const float fitted = as_stored(sums.scale());
      const float error = fitted * (fitted * sums.qq - 2 * sums.xq);
      if (error >= best_error) return;
      best_error = error;
      best_scale = fitted;
      best_zero = zero;
    };
    const auto consider_around = [&](float scale, float zero) {
      const ThreeSums sums = zero_sums(numbers, 1 / scale, zero, top);
      for (int i = 0; i < 3; ++i) consider(zero + static_cast<float>(kZerosAround[i]), sums.of[i]);
    };
    const Range cuts = cuts_for(levels);
    for (int i = 0; i < kCandidates; ++i) {
      const float cut = cuts.least + (cuts.greatest - cuts.least) * static_cast<float>(i) / (kCandidates - 1);
      const float scale = width * cut / top;
      consider_around(scale, zero_for(scale, range.least * cut));
    }
    for (int again = 0; again < 2; ++again) consider_around(best_scale, best_zero);
  }
  return {best_scale, -best_scale * best_zero};
}

ScaleFit symmetric_of(const Numbers& numbers, const Levels& levels, ScaleSearch search) {
  return with_rounding(levels, [&](const auto& round) HWY_ATTR { return symmetric(numbers, levels, search, round); });
}

float error_of(const Numbers& numbers, const Levels& levels, const ScaleFit& fit) {
  return with_rounding(levels, [&](const auto& round) HWY_ATTR {
    const FitTag d;
    const FitVec scales = hn::Set(d, fit.scale), bases = hn::Set(d, fit.base);
    const FitVec inverses = hn::Set(d, fit.scale == 0 ? 0 : 1 / fit.scale);
    FitVec sum = hn::Zero(d);
    for (int64_t i = 0; i < numbers.n; i += static_cast<int64_t>(hn::Lanes(d))) {
      const FitVec x = hn::Sub(hn::LoadU(d, numbers.x + i), bases);
      const FitVec error = hn::NegMulAdd(scales, round(hn::Mul(x, inverses)), x);
      sum = hn::MulAdd(hn::LoadU(d, numbers.w + i), hn::Mul(error, error), sum);
    }
    return sum_of(sum);
  });
}

ErrorSums levels_of(const Numbers& numbers, const Levels& levels, const ScaleFit& fit, float* found) {
  return with_rounding(levels, [&](const auto& round) HWY_ATTR {
    const FitTag d;
    const FitVec scales = hn::Set(d, fit.scale), bases = hn::Set(d, fit.base);
    const FitVec inverses = hn::Set(d, fit.scale == 0 ? 0 : 1 / fit.scale);
    FitVec errors = hn::Zero(d), squares = hn::Zero(d);
    for (int64_t i = 0; i < numbers.n; i += static_cast<int64_t>(hn::Lanes(d))) {
      const FitVec x = hn::LoadU(d, numbers.x + i), w = hn::LoadU(d, numbers.w + i), moved = hn::Sub(x, bases);
      const FitVec level = round(hn::Mul(moved, inverses)), error = hn::NegMulAdd(scales, level, moved);
      hn::StoreU(level, d, found + i);
      errors = hn::MulAdd(w, hn::Mul(error, error), errors);
      squares = hn::MulAdd(w, hn::Mul(x, x), squares);
    }
    return ErrorSums{sum_of(errors), sum_of(squares)};
  });
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {
namespace {

HWY_EXPORT(symmetric_of);
HWY_EXPORT(affine);
HWY_EXPORT(zero_point);
HWY_EXPORT(error_of);
HWY_EXPORT(levels_of);

}  // namespace

std::span<const float> whole_vectors(std::span<const float> row, int64_t n, std::vector<float>& copy) {
  if (n % kFitUnit == 0) return row.first(static_cast<size_t>(n));
  copy.assign(static_cast<size_t>((n + kFitUnit - 1) / kFitUnit * kFitUnit), 0);
  std::copy_n(row.begin(), n, copy.begin());
  return copy;
}

ScaleFit fit_symmetric(std::span<const float> values, std::span<const float> importance, const Levels& levels,
                       ScaleSearch search) {
  return HWY_DYNAMIC_DISPATCH(symmetric_of)({values.data(), importance.data(), std::ssize(values)}, levels, search);
}

ScaleFit fit_affine(std::span<const float> values, std::span<const float> importance, const Levels& levels,
                    ScaleSearch search) {
  return HWY_DYNAMIC_DISPATCH(affine)({values.data(), importance.data(), std::ssize(values)}, levels, search);
}

ScaleFit fit_zero_point(std::span<const float> values, std::span<const float> importance, const Levels& levels,
                        ScaleSearch search) {
  return HWY_DYNAMIC_DISPATCH(zero_point)({values.data(), importance.data(), std::ssize(values)}, levels, search);
}

float rounding_error(std::span<const float> values, std::span<const float> importance, const Levels& levels,
                     const ScaleFit& fit) {
  return HWY_DYNAMIC_DISPATCH(error_of)({values.data(), importance.data(), std::ssize(values)}, levels, fit);
}

ErrorSums nearest_levels(std::span<const float> values, std::span<const float> importance, const Levels& levels,
                         const ScaleFit& fit, float* found) {
  return HWY_DYNAMIC_DISPATCH(levels_of)({values.data(), importance.data(), std::ssize(values)}, levels, fit, found);
}

}  // namespace tidemill

#endif
