// Super-blocks: the scales of the sub-blocks are fitted one by one, become whole numbers times a factor, and then move
// by one where that loses less, for a scale that was rounded asks for another minimum.
#include "compress/quantize/block_coder.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "compress/quantize/block_packing.h"
#include "tensor/blocks.h"
#include "tensor/half.h"

namespace tidemill {
namespace {

// How a format scales its sub-blocks.
struct SubScales {
  int n = 1;         // sub-blocks of a block
  int least = 0;     // whole numbers that their scales are
  int greatest = 0;  // 0: one sub-block, whose scale is f16 itself
  bool has_min = false;
  bool has_zero = false;  // one sub-block, with a code that stands for nothing: scale * (code - zero)
};

struct BlockFormat {
  DType dtype;
  Levels levels;
  SubScales scales;
};

constexpr Levels kIQ4Levels = {16, 0, kIQ4Values.data()};

constexpr BlockFormat kFormats[] = {
    {DType::q4_0, {16, -8}, {}},
    {DType::q4_1, {16, 0}, {.has_min = true}},
    {DType::q5_0, {32, -16}, {}},
    {DType::q5_1, {32, 0}, {.has_min = true}},
    {DType::q8_0, {255, -127}, {}},
    {DType::q2_k, {4, 0}, {16, 0, 15, true}},
    {DType::q3_k, {8, -4}, {16, -32, 31}},
    {DType::q4_k, {16, 0}, {8, 0, 63, true}},
    {DType::q5_k, {32, 0}, {8, 0, 63, true}},
    {DType::q6_k, {64, -32}, {16, -128, 127}},
    {DType::iq4_nl, kIQ4Levels, {}},
    {DType::iq4_xs, kIQ4Levels, {8, -32, 31}},
    {DType::q4_g32, {16, 0}, {.has_zero = true}},
    {DType::q4_g128, {16, 0}, {.has_zero = true}},
    {DType::q8_g32, {256, 0}, {.has_zero = true}},
    {DType::q2_g128, {4, 0}, {.has_zero = true}},
    {DType::q3_g128, {8, 0}, {.has_zero = true}},
};

const BlockFormat* find_format(DType dtype) {
  const auto* const found = std::find_if(std::begin(kFormats), std::end(kFormats),
                                         [&](const BlockFormat& row) { return row.dtype == dtype; });
  return found == std::end(kFormats) ? nullptr : found;
}

const BlockFormat& format_of(DType dtype) {
  const BlockFormat* const found = find_format(dtype);
  if (found == nullptr) {
    throw Error(ErrorCode::unsupported, "quantize: no matrix is made in " + std::string(info(dtype).name) +
                                            "; use one of " + std::string(kBlockNames));
  }
  return *found;
}

// The nearest f16 that is finite.
uint16_t as_f16(float value) {
  return f32_to_f16(std::clamp(value, -65504.0f, 65504.0f));
}

// Of a symmetric range both signs of a scale are as good; readers expect the positive one.
ScaleFit symmetric_fit(std::span<const float> values, std::span<const float> importance, const Levels& levels,
                       ScaleSearch search) {
  ScaleFit fit = fit_symmetric(values, importance, levels, search);
  if (levels.first() == -levels.last()) fit.scale = std::fabs(fit.scale);
  return fit;
}

// The whole numbers of one sub-block, moved to where its error is least.
class SubBlock {
 public:
  SubBlock(std::span<const float> values, std::span<const float> importance, const BlockFormat& format, float factor,
           float min_factor)
      : values_(values), importance_(importance), format_(format), factor_(factor), min_factor_(min_factor) {}

  ScaleFit fit(int scale, int min) const {
    return {factor_ * static_cast<float>(scale), format_.scales.has_min ? -(min_factor_ * static_cast<float>(min)) : 0};
  }

  void settle(int& scale, int& min) const {
    const int begin_min = format_.scales.has_min ? -1 : 0, end_min = format_.scales.has_min ? 1 : 0;
    const int first_scale = scale, first_min = min;
    float least = std::numeric_limits<float>::infinity();
    for (int s = first_scale - 1; s <= first_scale + 1; ++s) {
      if (s < format_.scales.least || s > format_.scales.greatest) continue;
      for (int m = first_min + begin_min; m <= first_min + end_min; ++m) {
        if (m < 0 || m > format_.scales.greatest) continue;
        const float error = rounding_error(values_, importance_, format_.levels, fit(s, m));
        if (error >= least) continue;
        least = error;
        scale = s;
        min = m;
      }
    }
  }

 private:
  std::span<const float> values_, importance_;
  const BlockFormat& format_;
  float factor_, min_factor_;
};

}  // namespace

bool is_made_in_blocks(DType dtype) {
  return find_format(dtype) != nullptr;
}

BlockCoder::BlockCoder(DType dtype, int64_t n_cols, std::byte* target)
    : MatrixCoder(format_of(dtype).levels, info(dtype).block_length,
                  info(dtype).block_length / format_of(dtype).scales.n),
      dtype_(dtype),
      row_bytes_(size_bytes(dtype, {n_cols})),
      target_(target) {}

void BlockCoder::fit(std::span<const float> values, std::span<const float> importance, ScaleSearch search,
                     BlockFit& block) const {
  if (block_length() == sub_length()) {
    fit_one(values, importance, search, block);
  } else {
    fit_many(values, importance, search, block);
  }
}

void BlockCoder::fit_one(std::span<const float> values, std::span<const float> importance, ScaleSearch search,
                         BlockFit& block) const {
  const SubScales& scales = format_of(dtype_).scales;
  if (scales.has_zero) {
    const ScaleFit fit = fit_zero_point(values, importance, levels(), search);
    block.factor = f32_to_f16(fit.scale);
    block.min_factor = fit.scale == 0 ? 0 : static_cast<uint16_t>(std::nearbyint(-fit.base / fit.scale));
    block.fits[0] = fit;
    return;
  }
  const ScaleFit fit = scales.has_min ? fit_affine(values, importance, levels(), search)
                                      : symmetric_fit(values, importance, levels(), search);
  block.factor = as_f16(fit.scale);
  block.min_factor = as_f16(fit.base);
  block.fits[0] = {f16_to_f32(block.factor), f16_to_f32(block.min_factor)};
}

void BlockCoder::fit_many(std::span<const float> values, std::span<const float> importance, ScaleSearch search,
                          BlockFit& block) const {
  const BlockFormat& format = format_of(dtype_);
  const SubScales& sub = format.scales;
  const auto n_sub = static_cast<size_t>(sub.n), length = static_cast<size_t>(sub_length());
  float extreme = 0, deepest = 0;
  for (size_t s = 0; s < n_sub; ++s) {
    const auto own = values.subspan(s * length, length), weights = importance.subspan(s * length, length);
    block.fits[s] = sub.has_min ? fit_affine(own, weights, format.levels, search)
                                : fit_symmetric(own, weights, format.levels, search);
    if (std::fabs(block.fits[s].scale) > std::fabs(extreme)) extreme = block.fits[s].scale;
    deepest = std::max(deepest, -block.fits[s].base);
  }
  // A signed range has one number more below zero; the greatest scale goes there.
  const int end = sub.least < 0 ? sub.least : sub.greatest;
  block.factor = as_f16(extreme / static_cast<float>(end));
  block.min_factor = as_f16(deepest / static_cast<float>(sub.greatest));
  const float factor = f16_to_f32(block.factor), min_factor = f16_to_f32(block.min_factor);
  const auto whole = [&](float value, float unit) {
    return unit == 0 ? 0 : std::clamp(static_cast<int>(std::nearbyint(value / unit)), sub.least, sub.greatest);
  };
  for (size_t s = 0; s < n_sub; ++s) {
    int scale = whole(block.fits[s].scale, factor), min = whole(-block.fits[s].base, min_factor);
    if (!sub.has_min) min = 0;
    const SubBlock one(values.subspan(s * length, length), importance.subspan(s * length, length), format, factor,
                       min_factor);
    if (search == ScaleSearch::least_error) one.settle(scale, min);
    block.scales[s] = static_cast<int16_t>(scale);
    block.mins[s] = static_cast<int16_t>(min);
    block.fits[s] = one.fit(scale, min);
  }
}

void BlockCoder::refit(const ScaleFit& wanted, int64_t sub, BlockFit& block) const {
  const SubScales& format = format_of(dtype_).scales;
  const auto s = static_cast<size_t>(sub);
  if (format.greatest == 0) {
    const uint16_t scale = as_f16(wanted.scale);
    if (f16_to_f32(scale) == 0 || (wanted.scale < 0) != (block.fits[s].scale < 0)) return;
    block.factor = scale;
    block.fits[s].scale = f16_to_f32(scale);
    if (format.has_zero) block.fits[s].base = -block.fits[s].scale * static_cast<float>(block.min_factor);
    if (!format.has_min) return;
    block.min_factor = as_f16(std::min(wanted.base, 0.0f));
    block.fits[s].base = f16_to_f32(block.min_factor);
    return;
  }
  const float factor = f16_to_f32(block.factor), min_factor = f16_to_f32(block.min_factor);
  const auto whole = [&](float value, float unit) {
    return unit == 0 ? 0 : std::clamp(static_cast<int>(std::nearbyint(value / unit)), format.least, format.greatest);
  };
  block.scales[s] = static_cast<int16_t>(whole(wanted.scale, factor));
  if (format.has_min) block.mins[s] = static_cast<int16_t>(whole(-wanted.base, min_factor));
  block.fits[s] = {factor * static_cast<float>(block.scales[s]),
                   format.has_min ? -(min_factor * static_cast<float>(block.mins[s])) : 0};
}

void BlockCoder::store(int64_t row, int64_t first_column, const BlockFit& block, std::span<const uint8_t> codes) {
  const DTypeInfo& format = info(dtype_);
  pack_block(dtype_, block, codes,
             target_ + row * row_bytes_ + first_column / format.block_length * format.block_bytes);
}

}  // namespace tidemill
