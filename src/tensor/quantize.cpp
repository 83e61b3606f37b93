#include "tensor/quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/blocks.h"
#include "tensor/half.h"

namespace tidemill {

void quantize_q8_0(std::span<const float> source, void* target) {
  constexpr float kLargestScale = 65504.0f;  // of f16
  auto* block = static_cast<BlockQ8_0*>(target);
  for (size_t begin = 0; begin < source.size(); begin += BlockQ8_0::kLength, ++block) {
    const auto values = source.subspan(begin, BlockQ8_0::kLength);
    float greatest = 0;
    bool has_nan = false;
    for (const float value : values) {
      greatest = std::max(greatest, std::fabs(value));
      has_nan = has_nan || std::isnan(value);
    }
    const float scale = std::min(greatest / 127, kLargestScale);
    const float inverse = scale == 0 ? 0.0f : 1 / scale;
    block->scale = f32_to_f16(has_nan ? std::numeric_limits<float>::quiet_NaN() : scale);
    for (size_t i = 0; i < values.size(); ++i) {
      const float quotient = has_nan ? 1.0f : std::clamp(values[i] * inverse, -127.0f, 127.0f);
      block->quants[i] = static_cast<int8_t>(std::round(quotient));
    }
  }
}

}  // namespace tidemill
