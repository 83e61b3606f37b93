#include "backends/cpu/rope.h"

#include <cmath>

#include "backends/cpu/grain.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/rope.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "backends/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// One row: x, out [n_heads, 2 * half], table [cos(half) | sin(half)].
void rope_row(const float* x, const float* table, float* out, int64_t n_heads, int64_t half) {
  for (int64_t head = 0; head < n_heads; ++head, x += 2 * half, out += 2 * half) {
    for_each_vector(hn::ScalableTag<float>(), static_cast<size_t>(half), [&](auto load, auto store) HWY_ATTR {
      const auto a = load(x), b = load(x + half), cosine = load(table), sine = load(table + half);
      store(hn::NegMulAdd(b, sine, hn::Mul(a, cosine)), out);
      store(hn::MulAdd(a, sine, hn::Mul(b, cosine)), out + half);
    });
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(rope_row);

void rope_table(ThreadPool& pool, std::span<const int32_t> positions, const Tensor& inv_freq, const Tensor& out) {
  const int64_t n_freqs = inv_freq.dim(0);
  // A cosine costs as much as some tens of elements of simple work.
  const int64_t grain = rows_per_piece(32 * n_freqs);
  pool.parallel_for(static_cast<int64_t>(positions.size()), grain, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      float* const cosine = out.row<float>(row);
      for (int64_t j = 0; j < n_freqs; ++j) {
        const double angle = static_cast<float>(positions[row]) * inv_freq.as<float>()[j];
        cosine[j] = static_cast<float>(std::cos(angle));
        cosine[n_freqs + j] = static_cast<float>(std::sin(angle));
      }
    }
  });
}

void rope(ThreadPool& pool, const Tensor& x, const Tensor& table, const Tensor& out) {
  const int64_t n_heads = x.dim(1), head_dim = x.dim(2), width = n_heads * head_dim;
  const auto rotate = &HWY_DYNAMIC_DISPATCH(rope_row);
  pool.parallel_for(x.dim(0), rows_per_piece(width), [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      rotate(x.as<float>() + row * width, table.row<float>(row), out.as<float>() + row * width, n_heads, head_dim / 2);
    }
  });
}

}  // namespace tidemill

#endif  // HWY_ONCE
