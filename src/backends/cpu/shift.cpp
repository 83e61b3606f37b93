// Rows and the rows before them: token shift, mixtures, short convolutions.
#include <algorithm>

#include "backends/cpu/recurrent.h"
#include "backends/cpu/state_pieces.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/shift.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "backends/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

using FloatTag = hn::ScalableTag<float>;
using FloatVec = hn::Vec<FloatTag>;

// Rows [begin, end).
void lerp_rows(const op::Lerp& o, int64_t begin, int64_t end) {
  const FloatTag d;
  const int64_t width = o.x.shape().last();
  for (int64_t row = begin; row < end; ++row) {
    const float* const x = o.x.as<float>() + row * width;
    const float* const y = o.y.as<float>() + row * width;
    for (size_t j = 0; j < o.shares.size(); ++j) {
      const float* const share = o.shares[j].as<float>() + (o.shares[j].shape().rank() == 1 ? 0 : row * width);
      float* const out = o.outs[j].as<float>() + row * width;
      for_each_vector(d, static_cast<size_t>(width), [&](auto load, auto store) HWY_ATTR {
        const FloatVec from = load(x);
        store(hn::MulAdd(hn::Sub(load(y), from), load(share), from), out);
      });
    }
  }
}

// Channels [begin, end) of one sequence.
void conv_channels(const op::CausalConv& o, const StateRun& run, int64_t begin, int64_t end) {
  const FloatTag d;
  const int64_t width = o.x.dim(1), n_before = o.weight.dim(0) - 1;
  float* const state = state_of(run, o.part, begin);
  if (run.first_pos == 0) {
    for (int64_t j = 0; j < n_before; ++j) std::fill_n(state + j * width, end - begin, 0.0f);
  }
  // Row i of the run; those before its first are in the state.
  const auto row_at = [&](int64_t i) -> const float* {
    return i < 0 ? state + (n_before + i) * width : o.x.row<float>(run.first_row + i) + begin;
  };
  for (int64_t i = 0; i < run.n_rows; ++i) {
    float* const out = o.out.row<float>(run.first_row + i) + begin;
    for_each_vector(d, static_cast<size_t>(end - begin), [&](auto load, auto store) HWY_ATTR {
      FloatVec sum = o.bias.empty() ? hn::Zero(d) : load(o.bias.as<float>() + begin);
      for (int64_t j = 0; j <= n_before; ++j) {
        sum = hn::MulAdd(load(o.weight.row<float>(j) + begin), load(row_at(i - n_before + j)), sum);
      }
      store(sum, out);
    });
  }
  for (int64_t j = 0; j < n_before; ++j) {
    std::copy_n(row_at(run.n_rows - n_before + j), end - begin, state + j * width);
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(lerp_rows);
HWY_EXPORT(conv_channels);

void compute(ThreadPool& pool, const op::Lerp& operation) {
  if (operation.x.n_elements() == 0) return;
  const auto rows = &HWY_DYNAMIC_DISPATCH(lerp_rows);
  const int64_t width = operation.x.shape().last();
  pool.parallel_for(operation.x.n_elements() / width, rows_per_piece(width * std::ssize(operation.shares)),
                    [&](int64_t begin, int64_t end, int) { rows(operation, begin, end); });
}

void compute(ThreadPool& pool, const op::PreviousRows& operation) {
  const Tensor &x = operation.x, &out = operation.out;
  for_each_channel_piece(pool, operation.runs, x.dim(1), 1, [&](const StateRun& run, int64_t begin, int64_t end) {
    float* const state = state_of(run, operation.part, begin);
    if (run.first_pos == 0) std::fill_n(state, end - begin, 0.0f);
    const float* before = state;
    for (int64_t row = run.first_row; row < run.first_row + run.n_rows; ++row) {
      std::copy_n(before, end - begin, out.row<float>(row) + begin);
      before = x.row<float>(row) + begin;
    }
    std::copy_n(before, end - begin, state);
  });
}

void compute(ThreadPool& pool, const op::CausalConv& operation) {
  const auto channels = &HWY_DYNAMIC_DISPATCH(conv_channels);
  for_each_channel_piece(
      pool, operation.runs, operation.x.dim(1), operation.weight.dim(0),
      [&](const StateRun& run, int64_t begin, int64_t end) { channels(operation, run, begin, end); });
}

}  // namespace tidemill

#endif  // HWY_ONCE
