#include "backends/cpu/pack_int8.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <vector>

#include "backends/cpu/grain.h"
#include "tensor/dequantize.h"
#include "tensor/int8_panels.h"

namespace tidemill {
namespace {

constexpr float kGreatest = 127.0f;

// Row `row` of the panel at `panel`.
void pack_row(std::span<const float> values, int64_t row, std::byte* panel) {
  float greatest = 0, poison = 0;  // NaN when the row holds NaN or infinity: so will be what it touches
  for (const float value : values) {
    greatest = std::max(greatest, std::fabs(value));
    poison += value * 0.0f;
  }
  const bool is_zero = !(greatest > std::numeric_limits<float>::min() * kGreatest);
  const bool is_finite = poison == 0.0f;
  const float inverse = is_zero || !is_finite ? 0.0f : kGreatest / greatest;
  auto* const numbers = reinterpret_cast<int8_t*>(panel) + 4 * row;
  int32_t sum = 0;
  for (size_t k = 0; k < values.size(); ++k) {
    const auto number = is_finite ? static_cast<int8_t>(std::lrintf(values[k] * inverse)) : int8_t{0};
    numbers[k / 4 * kVectorBytes + k % 4] = number;
    sum += number;
  }
  auto* const scales = reinterpret_cast<float*>(panel + int8_units(std::ssize(values)) * kVectorBytes);
  scales[row] = is_zero ? poison : greatest / kGreatest + poison;
  reinterpret_cast<int32_t*>(scales + kPanelRows)[row] = sum;
}

}  // namespace

void pack_int8_part(ThreadPool& pool, const Tensor& rows, int64_t first_panel, const Tensor& whole) {
  assert(rows.layout() == Layout::rows && is_int8_panels(whole));
  const int64_t n_cols = rows.dim(1), stride = int8_panel_stride(n_cols);
  pool.parallel_for(panel_count(rows.dim(0)), 1, [&](int64_t begin, int64_t end, int) {
    std::vector<float> values(static_cast<size_t>(n_cols));
    for (int64_t panel = begin; panel < end; ++panel) {
      std::byte* const target = whole.as<std::byte>() + (first_panel + panel) * stride;
      std::fill_n(target, stride, std::byte{0});
      const int64_t first = panel * kPanelRows, n = std::min<int64_t>(kPanelRows, rows.dim(0) - first);
      for (int64_t row = 0; row < n; ++row) {
        dequantize(rows.dtype(), rows.row<const std::byte>(first + row), values);
        pack_row(values, row, target);
      }
    }
  });
}

}  // namespace tidemill
