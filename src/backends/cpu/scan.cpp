// Selective scan of Mamba.  Lanes are channels, so that sums over a channel's numbers need no reduction across lanes.
#include <algorithm>

#include "backends/cpu/recurrent.h"
#include "backends/cpu/state_pieces.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/scan.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

using FloatTag = hn::ScalableTag<float>;
using FloatVec = hn::Vec<FloatTag>;

// Vectors of channels of a head side by side, so that their sums do not wait for one another.
constexpr size_t kColumns = 4;

// Heads [begin, end) of one sequence, whose numbers decay alike.
void scan_heads(const op::SelectiveScan& o, const StateRun& run, int64_t begin, int64_t end) {
  const FloatTag d;
  const int64_t head_dim = o.options.head_dim, size = o.options.state_size;
  for (int64_t head = begin; head < end; ++head) {
    const int64_t group = head / (o.options.n_heads / o.options.n_groups), first = head * head_dim;
    const FloatVec a = hn::Set(d, o.a.as<float>()[head]), skip = hn::Set(d, o.skip.as<float>()[head]);
    float* const states = state_of(run, o.part, first * size);
    if (run.first_pos == 0) std::fill_n(states, head_dim * size, 0.0f);
    for (int64_t row = run.first_row; row < run.first_row + run.n_rows; ++row) {
      const float* const b = o.b.row<float>(row) + group * size;
      const float* const c = o.c.row<float>(row) + group * size;
      const FloatVec step = hn::Set(d, o.step.row<float>(row)[head]), decay = exp_f32(d, hn::Mul(step, a));
      for_each_vectors<kColumns>(d, static_cast<size_t>(head_dim), [&](auto count, auto load, auto store) HWY_ATTR {
        constexpr size_t kCount = decltype(count)::value;
        FloatVec input[kCount], sum[kCount];
        TIDEMILL_UNROLL
        for (size_t j = 0; j < kCount; ++j) {
          const FloatVec x = load(o.x.row<float>(row) + first, j);
          input[j] = hn::Mul(step, x);
          sum[j] = hn::Mul(skip, x);
        }
        for (int64_t n = 0; n < size; ++n) {
          float* const state = states + n * head_dim;
          TIDEMILL_UNROLL
          for (size_t j = 0; j < kCount; ++j) {
            const FloatVec next = hn::MulAdd(decay, load(state, j), hn::Mul(input[j], hn::Set(d, b[n])));
            store(next, state, j);
            sum[j] = hn::MulAdd(next, hn::Set(d, c[n]), sum[j]);
          }
        }
        TIDEMILL_UNROLL
        for (size_t j = 0; j < kCount; ++j) store(sum[j], o.out.row<float>(row) + first, j);
      });
    }
  }
}

// Some columns of channels of one group, each a head of its own whose numbers have decays of their own: `count`, `load`
// and `store` are of for_each_vectors.  States and decays of several columns lie side by side, which the processor
// fetches ahead of one row as it does not what lies a whole row of channels apart.
template <class Count, class Load, class Store>
HWY_INLINE void scan_columns(const op::SelectiveScan& o, const StateRun& run, int64_t group, int64_t begin,
                             float* states, Count, Load load, Store store) {
  const FloatTag d;
  constexpr size_t kCount = Count::value;
  const int64_t size = o.options.state_size, width = o.options.n_heads;
  if (run.first_pos == 0) {
    for (int64_t n = 0; n < size; ++n) {
      for (size_t j = 0; j < kCount; ++j) store(hn::Zero(d), states + n * width, j);
    }
  }
  for (int64_t row = run.first_row; row < run.first_row + run.n_rows; ++row) {
    const float* const b = o.b.row<float>(row) + group * size;
    const float* const c = o.c.row<float>(row) + group * size;
    FloatVec step[kCount], input[kCount], sum[kCount];
    TIDEMILL_UNROLL
    for (size_t j = 0; j < kCount; ++j) {
      const FloatVec x = load(o.x.row<float>(row) + begin, j);
      step[j] = load(o.step.row<float>(row) + begin, j);
      input[j] = hn::Mul(step[j], x);
      sum[j] = hn::Mul(load(o.skip.as<float>() + begin, j), x);
    }
    for (int64_t n = 0; n < size; ++n) {
      float* const state = states + n * width;
      const float* const a = o.a.row<float>(n) + begin;
      TIDEMILL_UNROLL
      for (size_t j = 0; j < kCount; ++j) {
        const FloatVec decay = exp_f32(d, hn::Mul(step[j], load(a, j)));
        const FloatVec next = hn::MulAdd(decay, load(state, j), hn::Mul(input[j], hn::Set(d, b[n])));
        store(next, state, j);
        sum[j] = hn::MulAdd(next, hn::Set(d, c[n]), sum[j]);
      }
    }
    TIDEMILL_UNROLL
    for (size_t j = 0; j < kCount; ++j) store(sum[j], o.out.row<float>(row) + begin, j);
  }
}

// Channels [begin, end) of one sequence.
void scan_channels(const op::SelectiveScan& o, const StateRun& run, int64_t begin, int64_t end) {
  const int64_t group_size = o.options.n_heads / o.options.n_groups;
  while (begin < end) {
    const int64_t group = begin / group_size, group_end = std::min(end, (group + 1) * group_size);
    float* const states = state_of(run, o.part, begin);
    for_each_vectors<kColumns>(FloatTag(), static_cast<size_t>(group_end - begin),
                               [&](auto count, auto load, auto store)
                                   HWY_ATTR { scan_columns(o, run, group, begin, states, count, load, store); });
    begin = group_end;
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(scan_heads);
HWY_EXPORT(scan_channels);

void compute(ThreadPool& pool, const op::SelectiveScan& operation) {
  const ScanOptions& options = operation.options;
  if (operation.a.shape().rank() == 1) {
    const auto heads = &HWY_DYNAMIC_DISPATCH(scan_heads);
    for_each_piece(pool, operation.runs, options.n_heads, options.head_dim * options.state_size,
                   [&](const StateRun& run, int64_t begin, int64_t end) { heads(operation, run, begin, end); });
    return;
  }
  constexpr int64_t kCostOfNumber = 4;  // an exponential
  const auto channels = &HWY_DYNAMIC_DISPATCH(scan_channels);
  for_each_channel_piece(
      pool, operation.runs, options.n_heads, options.state_size * kCostOfNumber,
      [&](const StateRun& run, int64_t begin, int64_t end) { channels(operation, run, begin, end); });
}

}  // namespace tidemill

#endif  // HWY_ONCE
