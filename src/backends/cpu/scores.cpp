// What is in reach is known better from panel to panel: the limit below which scores do not matter rises with the best
// ones found, for all threads.  It never rises above what it is when all scores are known, so no score in reach is lost
// whatever the order; which others are given beside them depends on it.
#include "backends/cpu/scores.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <span>

#include "backends/cpu/carver.h"
#include "backends/cpu/fetch.h"
#include "backends/cpu/halved_gemv.h"

namespace tidemill {
namespace {

constexpr float kLowest = -std::numeric_limits<float>::infinity();
constexpr int64_t kPiecePanels = 128;  // that a thread takes at a time
constexpr int64_t kLookPanels =
    8;  // looked at before those in reach among the last ones are read whole: in second-level cache
constexpr int32_t kMostTop = 256;  // a greater top_k limits nothing
// Where more than this share of a piece's panels has a row in reach, the next pieces are read whole at once, and then
// one is looked at again: limits rise.
constexpr double kMostInReach = 0.3;
constexpr int64_t kReadPieces = 6;

// The limit that one thread knows, and the scores that it follows from.
class Limit {
 public:
  explicit Limit(const ScoreReach& reach) : reach_(reach) {
    if (reach.top_k > kMostTop) reach_.top_k = 0;
  }
  float value() const { return value_; }
  void raise(float value) { value_ = std::max(value_, value); }

  void add(std::span<const float> scores) {
    for (const float score : scores) {
      if (!(score > value_)) continue;  // NaN is none
      if (reach_.below_best < std::numeric_limits<float>::infinity()) raise(score - reach_.below_best);
      if (reach_.top_k > 0) add_to_top(score);
    }
  }

 private:
  // Keeps the greatest top_k scores, as a heap with the least of them in front.
  void add_to_top(float score) {
    const auto begin = top_.begin();
    if (n_top_ == reach_.top_k) {
      std::pop_heap(begin, begin + n_top_, std::greater<>());
      --n_top_;
    }
    top_[static_cast<size_t>(n_top_++)] = score;
    std::push_heap(begin, begin + n_top_, std::greater<>());
    if (n_top_ == reach_.top_k) raise(top_.front());
  }

  ScoreReach reach_;
  float value_ = kLowest;
  int32_t n_top_ = 0;
  std::array<float, kMostTop> top_{};
};

// A row of activations and what products and bounds need of it.
struct Input {
  QuantizedRows x;
  ActivationTerm* terms;
  BoundTerm* bounds;
};

// One search, which all threads share.
class Search {
 public:
  // `limits`: one for each thread.
  Search(const Product& product, const Input& input, std::span<Limit> limits)
      : product_(product), input_(input), limits_(limits), n_panels_(panel_count(product.n_rows)) {}

  void run(ThreadPool& pool) {
    const int64_t grain = std::clamp<int64_t>(n_panels_ / (8 * pool.n_threads()), kLookPanels, kPiecePanels);
    pool.parallel_for(n_panels_, grain, [this](int64_t begin, int64_t end, int thread) {
      search(begin, end, limits_[static_cast<size_t>(thread)]);
    });
  }

 private:
  void search(int64_t begin, int64_t end, Limit& limit) {
    if (n_to_read_.load(std::memory_order_relaxed) > 0) {
      n_to_read_.fetch_sub(1, std::memory_order_relaxed);
      gemv_halved(product_, begin, end, input_.x, 1, input_.terms);
      for (int64_t panel = begin; panel < end; ++panel) limit.add(scores_of(panel));
      return share(limit);
    }
    // Low halves are on their way while the next panels are looked at.
    int64_t n_found = 0;
    uint32_t before = 0;
    for (int64_t first = begin; first < end; first += kLookPanels) {
      const uint32_t found = look(first, std::min(end, first + kLookPanels), limit);
      read_whole(first - kLookPanels, before, limit);
      n_found += std::popcount(found);
      before = found;
    }
    read_whole(begin + (end - begin - 1) / kLookPanels * kLookPanels, before, limit);
    const auto n_most = static_cast<double>(end - begin) * kMostInReach;
    if (static_cast<double>(n_found) > n_most) n_to_read_.store(kReadPieces, std::memory_order_relaxed);
  }

  // Bit p: panel first + p has a row in reach.
  uint32_t look(int64_t first, int64_t last, Limit& limit) {
    limit.raise(limit_.load(std::memory_order_relaxed));
    const uint32_t found = panels_within(product_, first, last, input_.x, input_.bounds, limit.value());
    for (int64_t panel = first; panel < last; ++panel) {
      if ((found >> (panel - first) & 1) != 0) {
        fetch_low(panel);
      } else {
        std::ranges::fill(scores_of(panel), kLowest);
      }
    }
    return found;
  }

  // Panels first + p where bit p of `found` is set.
  void read_whole(int64_t first, uint32_t found, Limit& limit) {
    if (found == 0) return;
    for (; found != 0; found &= found - 1) {
      const int64_t panel = first + std::countr_zero(found);
      gemv_halved(product_, panel, panel + 1, input_.x, 1, input_.terms);
      limit.add(scores_of(panel));
    }
    share(limit);
  }

  void fetch_low(int64_t panel) const { fetch(product_.low_panel(panel), halved_strides(product_.n_cols).low); }

  std::span<float> scores_of(int64_t panel) const {
    const int64_t first = panel * kPanelRows;
    return {product_.out + first, static_cast<size_t>(std::min<int64_t>(kPanelRows, product_.n_rows - first))};
  }

  void share(const Limit& limit) {
    const float value = limit.value();
    float known = limit_.load(std::memory_order_relaxed);
    while (known < value && !limit_.compare_exchange_weak(known, value, std::memory_order_relaxed)) {
    }
  }

  const Product product_;
  const Input input_;
  const std::span<Limit> limits_;
  const int64_t n_panels_;
  std::atomic<float> limit_ = kLowest;
  std::atomic<int64_t> n_to_read_ = 0;  // pieces that are read whole without a look
};

// In the context's memory.
std::span<Limit> make_limits(MatmulContext& context, const ScoreReach& reach) {
  const auto n = static_cast<size_t>(context.pool().n_threads());
  auto* const limits = reinterpret_cast<Limit*>(context.thread_scratch(static_cast<int64_t>(n * sizeof(Limit))));
  std::uninitialized_fill_n(limits, n, Limit(reach));
  return {limits, n};
}

Input lay_out(Carver& carver, int64_t n_cols, ActivationForm form) {
  const int64_t n_groups = n_cols / kGroupLength, stride = QuantizedRows::stride_for(n_cols);
  return {{.n_cols = n_cols,
           .form = form,
           .stride = stride,
           .groups = carver.take<ActivationGroup>(stride),
           .scale = carver.take<float>(n_groups),
           .sums = carver.take<int32_t>(2 * n_groups)},
          carver.take<ActivationTerm>(n_groups),
          carver.take<BoundTerm>(n_groups)};
}

// Quantises x into the context's memory.
Input quantize(MatmulContext& context, const Tensor& x, DType dtype) {
  const ActivationForm form = activation_form(panel_format(dtype), context.precision());
  Carver count(nullptr);
  lay_out(count, x.dim(1), form);
  Carver carver(context.activations(count.used_bytes()));
  const Input input = lay_out(carver, x.dim(1), form);
  quantize_rows(x, 0, 1, input.x);
  make_terms(dtype, Kernel::gemv, input.x, 0, 1, input.terms);
  return input;
}

}  // namespace

void find_scores(MatmulContext& context, const op::Scores& operation) {
  const Tensor& weight = operation.weight;
  if (weight.layout() == Layout::halved_panels && context.precision() != Precision::f32) {
    const Input input = quantize(context, operation.x, weight.dtype());
    if (make_bound_terms(input.x, input.bounds)) {
      const Product product{.dtype = weight.dtype(),
                            .panels = weight.as<std::byte>(),
                            .n_rows = weight.dim(0),
                            .n_cols = weight.dim(1),
                            .out = operation.out.as<float>(),
                            .out_stride = weight.dim(0),
                            .is_halved = true};
      return Search(product, input, make_limits(context, operation.reach)).run(context.pool());
    }
  }
  matmul(context, {&operation.x, 1}, {&weight, 1}, {&operation.out, 1});
}

}  // namespace tidemill
