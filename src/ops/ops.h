// Ops: the operations that models are written in.  This class is the one place where the shape of every operation is
// checked and its result allocated; the arithmetic is a backend's (Kernels).
//
// Decorators (checker, profiler, training tape) wrap Kernels, so a model's forward pass runs under each of them
// unchanged.  With planning kernels and a planning arena the same forward pass measures the memory it needs.
//
// Results live in the arena until it is rewound: see Scope.  All functions throw invalid_argument, naming the
// operation and the shapes, when shapes do not fit.  Not thread-safe: one Ops runs one step at a time.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "ops/kernels.h"
#include "tensor/arena.h"
#include "tidemill/tensor.h"

namespace tidemill {

class Ops {
 public:
  Ops(Kernels& kernels, Arena& arena) : kernels_(kernels), arena_(arena) {}

  // Gives back everything allocated during its life: one layer's temporaries, say.
  class Scope {
   public:
    explicit Scope(Ops& ops) : arena_(ops.arena_), mark_(ops.arena_.mark()) {}
    ~Scope() { arena_.rewind(mark_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Arena& arena_;
    int64_t mark_;
  };

  // Whether nothing is computed and memory only counted; for models that also work outside the arena.
  bool is_planning() const { return arena_.is_planner(); }

  // Shapes are given as in Kernels; each returns a new tensor.
  Tensor embed(const Tensor& table, std::span<const int32_t> ids, float scale = 1.0f);  // [n_ids, d_model]
  Tensor gather_rows(const Tensor& x, std::span<const int32_t> rows);                   // [n_rows, d]
  // As x, over the last dimension, or over each of n_groups parts of it; bias and l2_norm's weight may be empty.
  Tensor rms_norm(const Tensor& x, const Tensor& weight, float eps, int64_t n_groups = 1);
  Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps, int64_t n_groups = 1);
  // As x, in its memory like add_to.
  Tensor layer_norm_in_place(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps);
  Tensor l2_norm(const Tensor& x, const Tensor& weight, float eps, int64_t n_groups = 1);
  Tensor matmul(const Tensor& x, const Tensor& weight);  // [n_rows, N]
  // x * weight^T, [n_rows, N]; of a row alone only scores within reach need be there (op::Scores).
  Tensor scores(const Tensor& x, const Tensor& weight, const ScoreReach& reach);
  // Several products of one input, e.g. `auto [q, k, v] = ops.matmul(h, wq, wk, wv)`.
  template <typename... W>
  std::array<Tensor, 1 + sizeof...(W)> matmul(const Tensor& x, const Tensor& first, const W&... rest)
    requires(sizeof...(W) >= 1);
  // A product x * weight^T; into: where the result goes when it is to outlive a Scope, from `like`.
  struct Product {
    Tensor x, weight, into = {};
  };
  // Products that do not need each other, of as many rows, e.g. `auto [k, v] = ops.products({{xk, wk}, {xv, wv}})`.
  // Those without a weight are left out: their result is empty.
  template <size_t N>
  std::array<Tensor, N> products(const Product (&all)[N]);
  // activation(x * weight^T + bias), [n_rows, N] of each linear layer over x; biases may be empty.
  template <size_t N>
  std::array<Tensor, N> project(const Tensor& x, const std::array<Tensor, N>& weights,
                                const std::array<Tensor, N>& biases, Activation activation = Activation::identity) {
    std::array<Tensor, N> outs;
    project_all(x, weights, biases, activation, outs);
    return outs;
  }
  Tensor like(const Tensor& x) { return arena_.allocate(DType::f32, x.shape()); }  // as x, of undefined content
  Tensor add(const Tensor& a, const Tensor& b);                                    // as a
  // x + y where x is not needed any more: the sum may take x's memory (it does, except under a training tape).
  Tensor add_to(const Tensor& x, const Tensor& y);
  Tensor add_row(const Tensor& x, const Tensor& row);                                 // as x, in its memory like add_to
  Tensor activate(const Tensor& x, Activation activation);                            // as x, in its memory like add_to
  Tensor gate(const Tensor& gate, const Tensor& up, Activation activation);           // as gate
  Tensor gate_in_place(const Tensor& gate, const Tensor& up, Activation activation);  // as gate, in its memory
  Tensor mul(const Tensor& a, const Tensor& b) { return gate(a, b, Activation::identity); }  // as a
  Tensor scale(const Tensor& x, float factor);  // as x, in its memory like add_to
  Tensor soft_cap(const Tensor& x, float cap);  // as x, in its memory like add_to
  Tensor rope_table(std::span<const int32_t> positions, const Tensor& inv_freq, float scale = 1.0f,
                    const RopeByLength& by_length = {});  // [n, 2 n_freqs]
  // As x: [n_rows, n_heads * head_dim]; the table may be narrower than a head.
  Tensor rope(const Tensor& x, const Tensor& table, int64_t head_dim, RopePairs pairs = RopePairs::halves);
  Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, std::span<const StateRun> runs,
                   const AttentionOptions& options);  // as q

  // Recurrent operations.  Each keeps its state in the runs' slots, from number `slot` on.
  // Several mixtures of one pair, e.g. `auto [xr, xk] = ops.lerp(x, before, share_r, share_k)`; each as x.
  template <typename... S>
  std::array<Tensor, 1 + sizeof...(S)> lerp(const Tensor& x, const Tensor& y, const Tensor& first, const S&... rest);
  Tensor previous_rows(const Tensor& x, std::span<const StateRun> runs, int64_t slot);  // as x
  Tensor causal_conv(const Tensor& x, const Tensor& weight, const Tensor& bias, std::span<const StateRun> runs,
                     int64_t slot);  // as x; bias may be empty
  struct ScanInputs {
    Tensor x, step, a, b, c, skip;
  };
  Tensor selective_scan(const ScanInputs& inputs, const ScanOptions& options, std::span<const StateRun> runs,
                        int64_t slot);  // as x
  Tensor wkv4(const Tensor& k, const Tensor& v, const Tensor& decay, const Tensor& bonus,
              std::span<const StateRun> runs, int64_t slot);  // as k
  struct WkvInputs {
    Tensor r, k, v, decay, bonus;
  };
  Tensor wkv(const WkvInputs& inputs, int64_t n_heads, std::span<const StateRun> runs, int64_t slot);  // as r
  struct DeltaInputs {
    Tensor r, decay, k, v, erase, change;
  };
  Tensor delta_rule(const DeltaInputs& inputs, int64_t n_heads, std::span<const StateRun> runs, int64_t slot);  // as r
  struct GatedDeltaInputs {
    Tensor q, k, v, step, a, rate;
  };
  Tensor gated_delta_rule(const GatedDeltaInputs& inputs, int64_t n_key_heads, std::span<const StateRun> runs,
                          int64_t slot);  // as v
  struct BonusInputs {
    Tensor r, k, v, weight;
  };
  Tensor head_bonus(const Tensor& x, const BonusInputs& inputs, int64_t n_heads);  // as x, in its memory like add_to

  // The experts that each row goes to: ids i32 and weights f32, both [n_rows, n_chosen].
  struct Choice {
    Tensor ids, weights;
  };
  Choice choose_experts(const Tensor& logits, int64_t n_chosen, RouterWeights kind);
  // [n_rows * n_chosen, N]; x has a row for each row of the choice, or one for each of its experts.
  Tensor expert_matmul(const Tensor& x, std::span<const Tensor> experts, std::span<const Tensor> biases,
                       const Choice& choice);
  Tensor mix_experts(const Tensor& x, const Choice& choice);  // [n_rows, d] of x: [n_rows * n_chosen, d]

 private:
  // Checks and allocates outs[j] for x * weights[j]^T and computes them all.
  void matmul_all(const Tensor& x, std::span<const Tensor> weights, std::span<Tensor> outs);
  void project_all(const Tensor& x, std::span<const Tensor> weights, std::span<const Tensor> biases,
                   Activation activation, std::span<Tensor> outs);
  // Checks x and weight; allocates the result, or checks where it goes.
  Tensor product_room(const Product& product);
  void lerp_all(const Tensor& x, const Tensor& y, std::span<const Tensor> shares, std::span<Tensor> outs);

  Kernels& kernels_;
  Arena& arena_;
};

template <typename... W>
std::array<Tensor, 1 + sizeof...(W)> Ops::matmul(const Tensor& x, const Tensor& first, const W&... rest)
  requires(sizeof...(W) >= 1)
{
  const std::array<Tensor, 1 + sizeof...(W)> weights{first, rest...};
  std::array<Tensor, 1 + sizeof...(W)> outs;
  matmul_all(x, weights, outs);
  return outs;
}

template <size_t N>
std::array<Tensor, N> Ops::products(const Product (&all)[N]) {
  std::array<Tensor, N> xs, weights, outs, results;
  size_t n = 0;
  for (size_t j = 0; j < N; ++j) {
    if (all[j].weight.empty()) continue;
    xs[n] = all[j].x;
    weights[n] = all[j].weight;
    outs[n] = results[j] = product_room(all[j]);
    ++n;
  }
  kernels_.run(op::Matmul{std::span(xs).first(n), std::span(weights).first(n), std::span(outs).first(n)});
  return results;
}

template <typename... S>
std::array<Tensor, 1 + sizeof...(S)> Ops::lerp(const Tensor& x, const Tensor& y, const Tensor& first,
                                               const S&... rest) {
  const std::array<Tensor, 1 + sizeof...(S)> shares{first, rest...};
  std::array<Tensor, 1 + sizeof...(S)> outs;
  lerp_all(x, y, shares, outs);
  return outs;
}

}  // namespace tidemill
