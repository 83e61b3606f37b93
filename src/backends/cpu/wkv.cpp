// The recurrences of RWKV.  Lanes are channels of v, so that sums over keys need no reduction across lanes; a head's
// channels are a few vectors side by side, whose sums do not wait for one another.  A piece of a state, 16 KiB for
// heads of 64, stays in first-level cache over all rows of a run.
#include <algorithm>

#include "backends/cpu/recurrent.h"
#include "backends/cpu/state_pieces.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/wkv.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

using FloatTag = hn::ScalableTag<float>;
using FloatVec = hn::Vec<FloatTag>;

// Vectors of channels side by side: four have four registers each.
#if HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_AVX3
constexpr size_t kColumns = 4;
#else
constexpr size_t kColumns = 2;
#endif

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

// The sum of a * b * weight, where the weights are one for all when their stride is 0.
HWY_INLINE float weighted_dot(const float* a, const float* b, const float* weight, int64_t weight_stride, int64_t n) {
  const FloatTag d;
  FloatVec sum = hn::Zero(d);
  for_each_vector(d, static_cast<size_t>(n), [&](auto load, auto) HWY_ATTR {
    const FloatVec weights = weight_stride == 0 ? hn::Set(d, *weight) : load(weight);
    sum = hn::MulAdd(hn::Mul(load(a), load(b)), weights, sum);
  });
  return hn::GetLane(hn::SumOfLanes(d, sum));
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
      for_each_vectors<kColumns>(d, static_cast<size_t>(head_dim), [&](auto count, auto load, auto store) HWY_ATTR {
        constexpr size_t kCount = decltype(count)::value;
        FloatVec v[kCount], sum[kCount];
        TIDEMILL_UNROLL
        for (size_t j = 0; j < kCount; ++j) {
          v[j] = load(values, j);
          sum[j] = hn::Mul(own, v[j]);
        }
        for (int64_t key = 0; key < head_dim; ++key) {
          float* const state = states + key * head_dim;
          const FloatVec receptance = hn::Set(d, r[key]), kept = hn::Set(d, decay[key * decays.channel_stride]),
                         own_key = hn::Set(d, k[key]);
          TIDEMILL_UNROLL
          for (size_t j = 0; j < kCount; ++j) {
            const FloatVec past = load(state, j);
            sum[j] = hn::MulAdd(receptance, past, sum[j]);
            store(hn::MulAdd(kept, past, hn::Mul(own_key, v[j])), state, j);
          }
        }
        TIDEMILL_UNROLL
        for (size_t j = 0; j < kCount; ++j) store(sum[j], o.out.row<float>(row) + first, j);
      });
    }
  }
}

// The rows of one head's numbers in a run.
struct HeadRows {
  const Tensor& numbers;
  int64_t first;  // channel
  HWY_INLINE float* operator()(int64_t row) const { return numbers.row<float>(row) + first; }
};

// Some columns of one head: `count`, `load` and `store` are of for_each_vectors.  What the state holds for a row's
// erased key is summed while the row before it writes the state: it is read once for each row, not twice.
template <class Count, class Load, class Store>
HWY_INLINE void delta_rule_columns(const op::DeltaRule& o, const StateRun& run, int64_t first, int64_t head_dim,
                                   float* states, Count, Load load, Store store) {
  const FloatTag d;
  constexpr size_t kCount = Count::value;
  const HeadRows rs{o.r, first}, decays{o.decay, first}, ks{o.k, first}, vs{o.v, first}, erases{o.erase, first},
      changes{o.change, first}, outs{o.out, first};
  FloatVec held[kCount];
  TIDEMILL_UNROLL
  for (size_t j = 0; j < kCount; ++j) held[j] = hn::Zero(d);
  for (int64_t key = 0; key < head_dim; ++key) {
    const FloatVec erase = hn::Set(d, erases(run.first_row)[key]);
    TIDEMILL_UNROLL
    for (size_t j = 0; j < kCount; ++j) held[j] = hn::MulAdd(erase, load(states + key * head_dim, j), held[j]);
  }
  const int64_t last = run.first_row + run.n_rows - 1;
  for (int64_t row = run.first_row; row <= last; ++row) {
    const float *const r = rs(row), *const decay = decays(row), *const k = ks(row), *const change = changes(row);
    const float* const next_erase = erases(std::min(row + 1, last));
    FloatVec v[kCount], sum[kCount], next_held[kCount];
    TIDEMILL_UNROLL
    for (size_t j = 0; j < kCount; ++j) {
      v[j] = load(vs(row), j);
      sum[j] = next_held[j] = hn::Zero(d);
    }
    for (int64_t key = 0; key < head_dim; ++key) {
      float* const state = states + key * head_dim;
      TIDEMILL_UNROLL
      for (size_t j = 0; j < kCount; ++j) {
        const FloatVec added = hn::NegMulAdd(hn::Set(d, change[key]), held[j], hn::Mul(hn::Set(d, k[key]), v[j]));
        const FloatVec next = hn::MulAdd(hn::Set(d, decay[key]), load(state, j), added);
        store(next, state, j);
        sum[j] = hn::MulAdd(hn::Set(d, r[key]), next, sum[j]);
        next_held[j] = hn::MulAdd(hn::Set(d, next_erase[key]), next, next_held[j]);
      }
    }
    TIDEMILL_UNROLL
    for (size_t j = 0; j < kCount; ++j) {
      store(sum[j], outs(row), j);
      held[j] = next_held[j];
    }
  }
}

// Heads [begin, end) of one sequence.
void delta_rule_heads(const op::DeltaRule& o, const StateRun& run, int64_t begin, int64_t end) {
  const int64_t head_dim = o.r.dim(1) / o.n_heads;
  for (int64_t head = begin; head < end; ++head) {
    const int64_t first = head * head_dim;
    float* const states = state_of(run, o.part, first * head_dim);
    if (run.first_pos == 0) std::fill_n(states, head_dim * head_dim, 0.0f);
    for_each_vectors<kColumns>(FloatTag(), static_cast<size_t>(head_dim),
                               [&](auto count, auto load, auto store) HWY_ATTR {
                                 delta_rule_columns(o, run, first, head_dim, states, count, load, store);
                               });
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
