// The gated delta rule.  Lanes are channels of v, so that sums over keys need no reduction across lanes.
#include <algorithm>

#include "backends/cpu/recurrent.h"
#include "backends/cpu/state_pieces.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/gated_delta.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "backends/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

using FloatTag = hn::ScalableTag<float>;
using FloatVec = hn::Vec<FloatTag>;

// Heads [begin, end) of one sequence.
void gated_delta_heads(const op::GatedDeltaRule& o, const StateRun& run, int64_t begin, int64_t end) {
  const FloatTag d;
  const int64_t n_heads = o.a.dim(0), key_dim = o.q.dim(1) / o.n_key_heads, value_dim = o.v.dim(1) / n_heads;
  for (int64_t head = begin; head < end; ++head) {
    const int64_t first_key = head / (n_heads / o.n_key_heads) * key_dim;
    float* const states = state_of(run, o.part, head * key_dim * value_dim);
    if (run.first_pos == 0) std::fill_n(states, key_dim * value_dim, 0.0f);
    for (int64_t row = run.first_row; row < run.first_row + run.n_rows; ++row) {
      const float* const q = o.q.row<float>(row) + first_key;
      const float* const k = o.k.row<float>(row) + first_key;
      const FloatVec decay = exp_f32(d, hn::Set(d, o.step.row<float>(row)[head] * o.a.as<float>()[head]));
      const FloatVec rate = hn::Set(d, o.rate.row<float>(row)[head]);
      const int64_t first = head * value_dim;
      for_each_vector(d, static_cast<size_t>(value_dim), [&](auto load, auto store) HWY_ATTR {
        FloatVec held = hn::Zero(d), sum = hn::Zero(d);
        for (int64_t key = 0; key < key_dim; ++key) {
          held = hn::MulAdd(hn::Set(d, k[key]), load(states + key * value_dim), held);
        }
        const FloatVec learned = hn::Mul(rate, hn::NegMulAdd(decay, held, load(o.v.row<float>(row) + first)));
        for (int64_t key = 0; key < key_dim; ++key) {
          float* const state = states + key * value_dim;
          const FloatVec next = hn::MulAdd(decay, load(state), hn::Mul(hn::Set(d, k[key]), learned));
          store(next, state);
          sum = hn::MulAdd(hn::Set(d, q[key]), next, sum);
        }
        store(sum, o.out.row<float>(row) + first);
      });
    }
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(gated_delta_heads);

void compute(ThreadPool& pool, const op::GatedDeltaRule& operation) {
  const auto heads = &HWY_DYNAMIC_DISPATCH(gated_delta_heads);
  const int64_t key_dim = operation.q.dim(1) / operation.n_key_heads, n_heads = operation.a.dim(0);
  for_each_piece(pool, operation.runs, n_heads, 2 * key_dim * (operation.v.dim(1) / n_heads),
                 [&](const StateRun& run, int64_t begin, int64_t end) { heads(operation, run, begin, end); });
}

}  // namespace tidemill

#endif  // HWY_ONCE
