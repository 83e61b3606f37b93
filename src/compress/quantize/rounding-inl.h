// Numbers to levels, for kernels of this folder.  Included once per instruction set, after hwy/highway.h.
#include "compress/quantize/levels.h"

#if defined(TIDEMILL_QUANTIZE_ROUNDING_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef TIDEMILL_QUANTIZE_ROUNDING_INL_H
#undef TIDEMILL_QUANTIZE_ROUNDING_INL_H
#else
#define TIDEMILL_QUANTIZE_ROUNDING_INL_H
#endif

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using FitTag = hn::CappedTag<float, 16>;
using FitVec = hn::Vec<FitTag>;

// The level nearest to a number that has been divided by the scale.
class LinearRounding {
 public:
  explicit HWY_ATTR LinearRounding(const Levels& levels)
      : first_(hn::Set(FitTag(), static_cast<float>(levels.first()))),
        last_(hn::Set(FitTag(), static_cast<float>(levels.last()))) {}
  HWY_INLINE FitVec operator()(FitVec scaled) const { return hn::Clamp(hn::Round(scaled), first_, last_); }

 private:
  FitVec first_, last_;
};

class TableRounding {
 public:
  explicit HWY_ATTR TableRounding(const Levels& levels) : levels_(levels) {
    for (int code = 0; code + 1 < levels.n_codes; ++code) {
      middles_[code] = 0.5f * static_cast<float>(levels.of(code) + levels.of(code + 1));
      steps_[code] = static_cast<float>(levels.of(code + 1) - levels.of(code));
    }
  }
  HWY_INLINE FitVec operator()(FitVec scaled) const {
    const FitTag d;
    FitVec level = hn::Set(d, static_cast<float>(levels_.first()));
    for (int code = 0; code + 1 < levels_.n_codes; ++code) {
      const auto is_above = hn::Gt(scaled, hn::Set(d, middles_[code]));
      level = hn::Add(level, hn::IfThenElseZero(is_above, hn::Set(d, steps_[code])));
    }
    return level;
  }

 private:
  Levels levels_;
  float middles_[16], steps_[16];
};

// Calls `visit(rounding)` with the one that fits `levels`.
template <typename Visit>
HWY_INLINE auto with_rounding(const Levels& levels, const Visit& visit) {
  return levels.table != nullptr ? visit(TableRounding(levels)) : visit(LinearRounding(levels));
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
