#include "backends/cpu/rope.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "backends/cpu/grain.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/rope.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "backends/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// One row: x, out [n_heads, head_dim], table [cos(n_freqs) | sin(n_freqs)]; elements past 2 * n_freqs are left alone.
void rope_row(const float* x, const float* table, float* out, int64_t n_heads, int64_t head_dim, int64_t n_freqs) {
  for (int64_t head = 0; head < n_heads; ++head, x += head_dim, out += head_dim) {
    for_each_vector(hn::ScalableTag<float>(), static_cast<size_t>(n_freqs), [&](auto load, auto store) HWY_ATTR {
      const auto a = load(x), b = load(x + n_freqs), cosine = load(table), sine = load(table + n_freqs);
      store(hn::NegMulAdd(b, sine, hn::Mul(a, cosine)), out);
      store(hn::MulAdd(a, sine, hn::Mul(b, cosine)), out + n_freqs);
    });
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(rope_row);

namespace {

// The same where the elements of a pair stand side by side.
void rope_row_adjacent(const float* x, const float* table, float* out, int64_t n_heads, int64_t head_dim,
                       int64_t n_freqs) {
  for (int64_t head = 0; head < n_heads; ++head, x += head_dim, out += head_dim) {
    for (int64_t j = 0; j < n_freqs; ++j) {
      const float a = x[2 * j], b = x[2 * j + 1], cosine = table[j], sine = table[n_freqs + j];
      out[2 * j] = a * cosine - b * sine;
      out[2 * j + 1] = b * cosine + a * sine;
    }
  }
}

}  // namespace

void compute(ThreadPool& pool, const op::RopeTable& operation) {
  const int64_t n_freqs = operation.inv_freq.dim(0);
  const RopeByLength& by_length = operation.by_length;
  // A cosine costs as much as some tens of elements of simple work.
  const int64_t grain = rows_per_piece(32 * n_freqs);
  pool.parallel_for(std::ssize(operation.positions), grain, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      float* const cosine = operation.out.row<float>(row);
      for (int64_t j = 0; j < n_freqs; ++j) {
        const float frequency = by_length.frequency(operation.inv_freq, static_cast<size_t>(row), j);
        const double angle = static_cast<float>(operation.positions[static_cast<size_t>(row)]) * frequency;
        cosine[j] = static_cast<float>(std::cos(angle) * operation.scale);
        cosine[n_freqs + j] = static_cast<float>(std::sin(angle) * operation.scale);
      }
    }
  });
}

void compute(ThreadPool& pool, const op::Rope& operation) {
  const Tensor &x = operation.x, &out = operation.out;
  const int64_t n_heads = x.dim(1), head_dim = x.dim(2), width = n_heads * head_dim;
  const int64_t n_freqs = operation.table.dim(1) / 2;
  const auto rotate = operation.pairs == RopePairs::halves ? &HWY_DYNAMIC_DISPATCH(rope_row) : &rope_row_adjacent;
  const bool copies_rest = 2 * n_freqs < head_dim && x.data() != out.data();
  pool.parallel_for(x.dim(0), rows_per_piece(width), [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      const float* const source = x.as<float>() + row * width;
      float* const target = out.as<float>() + row * width;
      if (copies_rest) std::copy_n(source, width, target);
      rotate(source, operation.table.row<float>(row), target, n_heads, head_dim, n_freqs);
    }
  });
}

}  // namespace tidemill

#endif  // HWY_ONCE
