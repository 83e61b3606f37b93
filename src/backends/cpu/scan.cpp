// Selective scan of Mamba.  A channel's numbers are the lanes of vectors.
#include <algorithm>

#include "backends/cpu/recurrent.h"
#include "backends/cpu/state_pieces.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/scan.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "backends/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

using FloatTag = hn::ScalableTag<float>;
using FloatVec = hn::Vec<FloatTag>;

// Heads [begin, end) of one sequence.  kOneDecay: a head's numbers decay alike.
template <bool kOneDecay>
HWY_INLINE void scan(const op::SelectiveScan& o, const StateRun& run, int64_t begin, int64_t end) {
  const FloatTag d;
  const int64_t head_dim = o.options.head_dim, size = o.options.state_size;
  for (int64_t head = begin; head < end; ++head) {
    const int64_t group = head / (o.options.n_heads / o.options.n_groups);
    const float* const a = o.a.as<float>() + head * (kOneDecay ? 1 : size);
    const float skip = o.skip.as<float>()[head];
    float* const states = state_of(run, o.part, head * head_dim * size);
    if (run.first_pos == 0) std::fill_n(states, head_dim * size, 0.0f);
    for (int64_t row = run.first_row; row < run.first_row + run.n_rows; ++row) {
      const float* const x = o.x.row<float>(row) + head * head_dim;
      const float* const b = o.b.row<float>(row) + group * size;
      const float* const c = o.c.row<float>(row) + group * size;
      const float step = o.step.row<float>(row)[head];
      const FloatVec one_decay = kOneDecay ? exp_f32(d, hn::Set(d, step * a[0])) : hn::Zero(d);
      for (int64_t ch = 0; ch < head_dim; ++ch) {
        float* const state = states + ch * size;
        const FloatVec input = hn::Set(d, step * x[ch]);
        FloatVec sum = hn::Zero(d);
        for_each_vector(d, static_cast<size_t>(size), [&](auto load, auto store) HWY_ATTR {
          const FloatVec decay = kOneDecay ? one_decay : exp_f32(d, hn::Mul(hn::Set(d, step), load(a)));
          const FloatVec next = hn::MulAdd(decay, load(state), hn::Mul(input, load(b)));
          store(next, state);
          sum = hn::MulAdd(next, load(c), sum);
        });
        o.out.row<float>(row)[head * head_dim + ch] = hn::GetLane(hn::SumOfLanes(d, sum)) + skip * x[ch];
      }
    }
  }
}

void scan_heads(const op::SelectiveScan& o, const StateRun& run, int64_t begin, int64_t end) {
  o.a.shape().rank() == 1 ? scan<true>(o, run, begin, end) : scan<false>(o, run, begin, end);
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(scan_heads);

void compute(ThreadPool& pool, const op::SelectiveScan& operation) {
  const auto heads = &HWY_DYNAMIC_DISPATCH(scan_heads);
  const ScanOptions& options = operation.options;
  const int64_t cost_of_number = operation.a.shape().rank() == 1 ? 1 : 4;  // with an exponential
  for_each_piece(pool, operation.runs, options.n_heads, options.head_dim * options.state_size * cost_of_number,
                 [&](const StateRun& run, int64_t begin, int64_t end) { heads(operation, run, begin, end); });
}

}  // namespace tidemill

#endif  // HWY_ONCE
