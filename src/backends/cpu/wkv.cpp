// The recurrences of RWKV.  Lanes are channels of v, so that sums over keys need no reduction across lanes.
#include <algorithm>

#include "backends/cpu/recurrent.h"
#include "backends/cpu/state_pieces.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/wkv.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "backends/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

using FloatTag = hn::ScalableTag<float>;
using FloatVec = hn::Vec<FloatTag>;

// Channels [begin, end) of one sequence.  Sums are kept times e^-greatest, with the greatest exponent so far: they
// neither overflow nor vanish however long the sequence.
void wkv4_channels(const op::Wkv4& o, const StateRun& run, int64_t begin, int64_t end) {
  const FloatTag d;
  const int64_t width = o.k.dim(1);
  float* const state = state_of(run, o.part, begin);
  if (run.first_pos == 0) {
    std::fill_n(state, end - begin, 0.0f);
    std::fill_n(state + width, end - begin, 0.0f);
    std::fill_n(state + 2 * width, end - begin, -1e38f);
  }
  for_each_vector(d, static_cast<size_t>(end - begin), [&](auto load, auto store) HWY_ATTR {
    const FloatVec decay = load(o.decay.as<float>() + begin), bonus = load(o.bonus.as<float>() + begin);
    FloatVec above = load(state), below = load(state + width), greatest = load(state + 2 * width);
    for (int64_t row = run.first_row; row < run.first_row + run.n_rows; ++row) {
      const FloatVec k = load(o.k.row<float>(row) + begin), v = load(o.v.row<float>(row) + begin);
      const FloatVec own = hn::Add(k, bonus), top = hn::Max(greatest, own);
      const FloatVec of_past = exp_f32(d, hn::Sub(greatest, top)), of_own = exp_f32(d, hn::Sub(own, top));
      store(hn::Div(hn::MulAdd(of_past, above, hn::Mul(of_own, v)), hn::MulAdd(of_past, below, of_own)),
            o.out.row<float>(row) + begin);
      const FloatVec past = hn::Add(greatest, decay);
      greatest = hn::Max(past, k);
      const FloatVec kept = exp_f32(d, hn::Sub(past, greatest)), added = exp_f32(d, hn::Sub(k, greatest));
      above = hn::MulAdd(kept, above, hn::Mul(added, v));
      below = hn::MulAdd(kept, below, added);
    }
    store(above, state);
    store(below, state + width);
    store(greatest, state + 2 * width);
  });
}

// Numbers that may be the same for all rows, and one for each channel or one for each head.
struct PerChannel {
  PerChannel(const Tensor& numbers, int64_t width, int64_t head_dim)
      : first(numbers.as<float>()),
        row_stride(numbers.shape().rank() == 2 ? width : 0),
        head_stride(numbers.shape().last() == width ? head_dim : 1),
        channel_stride(numbers.shape().last() == width ? 1 : 0) {}
  HWY_INLINE const float* head(int64_t row, int64_t head) const {
    return first + row * row_stride + head * head_stride;
  }

  const float* first;
  int64_t row_stride, head_stride, channel_stride;
};

HWY_INLINE float weighted_dot(const float* a, const float* b, const float* weight, int64_t weight_stride, int64_t n) {
  float sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += a[i] * b[i] * weight[i * weight_stride];
  return sum;
}

// Heads [begin, end) of one sequence.  r (bonus k v^T) is v times a number of the head.
void wkv_heads(const op::Wkv& o, const StateRun& run, int64_t begin, int64_t end) {
  const FloatTag d;
  const int64_t width = o.r.dim(1), head_dim = width / o.n_heads;
  const PerChannel decays(o.decay, width, head_dim), bonuses(o.bonus, width, head_dim);
  for (int64_t head = begin; head < end; ++head) {
    const int64_t first = head * head_dim;
    float* const states = state_of(run, o.part, first * head_dim);
    if (run.first_pos == 0) std::fill_n(states, head_dim * head_dim, 0.0f);
    for (int64_t row = run.first_row; row < run.first_row + run.n_rows; ++row) {
      const float* const r = o.r.row<float>(row) + first;
      const float* const k = o.k.row<float>(row) + first;
      const float* const values = o.v.row<float>(row) + first;
      const float* const decay = decays.head(row, head);
      const FloatVec own = hn::Set(d, weighted_dot(r, k, bonuses.head(row, head), bonuses.channel_stride, head_dim));
      for_each_vector(d, static_cast<size_t>(head_dim), [&](auto load, auto store) HWY_ATTR {
        const FloatVec v = load(values);
        FloatVec sum = hn::Mul(own, v);
        for (int64_t key = 0; key < head_dim; ++key) {
          float* const state = states + key * head_dim;
          const FloatVec past = load(state);
          sum = hn::MulAdd(hn::Set(d, r[key]), past, sum);
          store(hn::MulAdd(hn::Set(d, decay[key * decays.channel_stride]), past, hn::Mul(hn::Set(d, k[key]), v)),
                state);
        }
        store(sum, o.out.row<float>(row) + first);
      });
    }
  }
}

// Heads [begin, end) of one sequence.
void delta_rule_heads(const op::DeltaRule& o, const StateRun& run, int64_t begin, int64_t end) {
  const FloatTag d;
  const int64_t width = o.r.dim(1), head_dim = width / o.n_heads;
  for (int64_t head = begin; head < end; ++head) {
    const int64_t first = head * head_dim;
    float* const states = state_of(run, o.part, first * head_dim);
    if (run.first_pos == 0) std::fill_n(states, head_dim * head_dim, 0.0f);
    for (int64_t row = run.first_row; row < run.first_row + run.n_rows; ++row) {
      const auto of_head = [&](const Tensor& numbers) { return numbers.row<float>(row) + first; };
      const float* const r = of_head(o.r);
      const float* const decay = of_head(o.decay);
      const float* const k = of_head(o.k);
      const float* const values = of_head(o.v);
      const float* const erase = of_head(o.erase);
      const float* const change = of_head(o.change);
      for_each_vector(d, static_cast<size_t>(head_dim), [&](auto load, auto store) HWY_ATTR {
        const FloatVec v = load(values);
        FloatVec held = hn::Zero(d), sum = hn::Zero(d);
        for (int64_t key = 0; key < head_dim; ++key) {
          held = hn::MulAdd(hn::Set(d, erase[key]), load(states + key * head_dim), held);
        }
        for (int64_t key = 0; key < head_dim; ++key) {
          float* const state = states + key * head_dim;
          const FloatVec added = hn::NegMulAdd(hn::Set(d, change[key]), held, hn::Mul(hn::Set(d, k[key]), v));
          const FloatVec next = hn::MulAdd(hn::Set(d, decay[key]), load(state), added);
          store(next, state);
          sum = hn::MulAdd(hn::Set(d, r[key]), next, sum);
        }
        store(sum, of_head(o.out));
      });
    }
  }
}

// Rows [begin, end).
void head_bonus_rows(const op::HeadBonus& o, int64_t begin, int64_t end) {
  const FloatTag d;
  const int64_t width = o.x.dim(1), head_dim = width / o.n_heads;
  for (int64_t row = begin; row < end; ++row) {
    for (int64_t first = 0; first < width; first += head_dim) {
      const auto of_head = [&](const Tensor& numbers) { return numbers.row<float>(row) + first; };
      const float factor = weighted_dot(of_head(o.r), of_head(o.k), o.weight.as<float>() + first, 1, head_dim);
      for_each_vector(d, static_cast<size_t>(head_dim), [&](auto load, auto store) HWY_ATTR {
        store(hn::MulAdd(hn::Set(d, factor), load(of_head(o.v)), load(of_head(o.x))), of_head(o.out));
      });
    }
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(wkv4_channels);
HWY_EXPORT(wkv_heads);
HWY_EXPORT(delta_rule_heads);
HWY_EXPORT(head_bonus_rows);

void compute(ThreadPool& pool, const op::Wkv4& operation) {
  constexpr int64_t kChannelCost = 16;  // four exponentials
  const auto channels = &HWY_DYNAMIC_DISPATCH(wkv4_channels);
  for_each_channel_piece(
      pool, operation.runs, operation.k.dim(1), kChannelCost,
      [&](const StateRun& run, int64_t begin, int64_t end) { channels(operation, run, begin, end); });
}

void compute(ThreadPool& pool, const op::Wkv& operation) {
  const auto heads = &HWY_DYNAMIC_DISPATCH(wkv_heads);
  const int64_t head_dim = operation.r.dim(1) / operation.n_heads;
  for_each_piece(pool, operation.runs, operation.n_heads, head_dim * head_dim,
                 [&](const StateRun& run, int64_t begin, int64_t end) { heads(operation, run, begin, end); });
}

void compute(ThreadPool& pool, const op::DeltaRule& operation) {
  const auto heads = &HWY_DYNAMIC_DISPATCH(delta_rule_heads);
  const int64_t head_dim = operation.r.dim(1) / operation.n_heads;
  for_each_piece(pool, operation.runs, operation.n_heads, 2 * head_dim * head_dim,
                 [&](const StateRun& run, int64_t begin, int64_t end) { heads(operation, run, begin, end); });
}

void compute(ThreadPool& pool, const op::HeadBonus& operation) {
  const auto rows = &HWY_DYNAMIC_DISPATCH(head_bonus_rows);
  pool.parallel_for(operation.x.dim(0), rows_per_piece(4 * operation.x.dim(1)),
                    [&](int64_t begin, int64_t end, int) { rows(operation, begin, end); });
}

}  // namespace tidemill

#endif  // HWY_ONCE
