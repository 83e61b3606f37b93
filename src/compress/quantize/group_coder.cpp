#include "compress/quantize/group_coder.h"

#include <algorithm>
#include <cmath>

#include "tensor/half.h"

namespace tidemill {
namespace {

// Of symmetric formats the codes stand for themselves less the middle one.
Levels levels_of(const GroupKind& kind) {
  const int n_codes = 1 << kind.bits;
  return {.n_codes = n_codes, .lowest = kind.has_zeros ? 0 : -n_codes / 2};
}

int64_t group_length(const GroupKind& kind, int64_t n_cols) {
  return kind.group_size == 0 ? n_cols : std::min(kind.group_size, n_cols);
}

}  // namespace

GroupCoder::GroupCoder(const GroupKind& kind, int64_t n_rows, int64_t n_cols, GroupQuantized& target,
                       std::span<const int32_t> order)
    : MatrixCoder(levels_of(kind), group_length(kind, n_cols), group_length(kind, n_cols)),
      has_zeros_(kind.has_zeros),
      target_(target),
      order_(order) {
  target.n_rows = n_rows;
  target.n_cols = n_cols;
  target.bits = kind.bits;
  target.group_size = block_length();
  target.q.resize(static_cast<size_t>(n_rows * n_cols));
  const int64_t n_groups = (n_cols + block_length() - 1) / block_length();
  target.scales.resize(static_cast<size_t>(n_rows * n_groups));
  target.zeros.resize(target.scales.size());
  target.g_idx.resize(order.size());
  for (size_t i = 0; i < order.size(); ++i)
    target.g_idx[static_cast<size_t>(order[i])] = static_cast<int32_t>(static_cast<int64_t>(i) / block_length());
}

void GroupCoder::fit(std::span<const float> values, std::span<const float> importance, ScaleSearch search,
                     BlockFit& block) const {
  ScaleFit& fit = block.fits[0];
  if (has_zeros_) {
    fit = fit_zero_point(values, importance, levels(), search);
  } else {
    fit = fit_symmetric(values, importance, levels(), search);
    fit.scale = f16_to_f32(f32_to_f16(std::clamp(fit.scale, -65504.0f, 65504.0f)));
  }
}

void GroupCoder::refit(const ScaleFit& wanted, int64_t sub, BlockFit& block) const {
  ScaleFit& fit = block.fits[static_cast<size_t>(sub)];
  const float scale = f16_to_f32(f32_to_f16(std::clamp(wanted.scale, -65504.0f, 65504.0f)));
  if (fit.scale == 0 || scale == 0 || (has_zeros_ && scale < 0)) return;
  fit.base = has_zeros_ ? -scale * std::nearbyint(-fit.base / fit.scale) : 0;  // the zero stays
  fit.scale = scale;
}

void GroupCoder::store(int64_t row, int64_t first_column, const BlockFit& block, std::span<const uint8_t> codes) {
  const int64_t n_groups = std::ssize(target_.scales) / target_.n_rows;
  const auto group = static_cast<size_t>(row * n_groups + first_column / block_length());
  const ScaleFit& fit = block.fits[0];
  target_.scales[group] = fit.scale;
  const float zero = fit.scale == 0 ? 0 : std::nearbyint(-fit.base / fit.scale);
  target_.zeros[group] = has_zeros_ ? zero : static_cast<float>(1 << (target_.bits - 1));
  uint8_t* const own = target_.q.data() + row * target_.n_cols;
  for (size_t i = 0; i < codes.size(); ++i) {
    const auto column = static_cast<size_t>(first_column) + i;
    own[order_.empty() ? column : static_cast<size_t>(order_[column])] = codes[i];
  }
}

}  // namespace tidemill
