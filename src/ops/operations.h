// The operations that kernels compute, each as data: its operands, its options and where the result goes.
//
// An operation is a value so that what wraps kernels (checker, profiler, planner) is written once for all of them, and
// a new one is a struct here, its shapes in ops.h, its loops in reference.cpp and its kernel in a backend.
//
// Shapes are already checked and results allocated by Ops (ops.h).  Activations are contiguous f32 rows; weights have
// any dtype and layout that the backend gave them.  A row of a result depends on its own inputs only, in a fixed order
// of reduction: it is bit-identical whatever else is in the batch and however many threads work.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "ops/paged_rows.h"
#include "ops/score_reach.h"
#include "tidemill/tensor.h"

namespace tidemill {

// One sequence's share of an operation that reads and continues a state: rows [first_row, first_row + n_rows) belong to
// it, at positions first_pos, first_pos + 1, ...  What the layer keeps of positions [0, first_pos) is in
//   - keys and values, for attention: entries of their own per position;
//   - slot, for recurrent operations: as much whatever the position.  At position 0 its content is undefined: the
//     operation begins with its initial state.
// A sequence that is whole in one step, as an encoder's is, needs neither: attention then reads its rows themselves.
struct StateRun {
  int64_t first_row = 0;
  int64_t n_rows = 0;
  int64_t first_pos = 0;
  PagedRows keys = {};    // [capacity, n_kv_heads * head_dim], f32, f16 or q8_0 (whole blocks in each head)
  PagedRows values = {};  // same shape and dtype; of both, pages are there up to this step's last position
  Tensor slot = {};       // f32 [slot_size]
};

// Numbers [begin, begin + size) of each run's slot: what one operation reads and continues there.
struct SlotPart {
  int64_t begin = 0;
  int64_t size = 0;
};

struct AttentionOptions {
  int64_t n_heads = 0;
  int64_t n_kv_heads = 0;  // divides n_heads
  int64_t head_dim = 0;
  float scale = 1.0f;  // multiplies q . k
  int64_t window = 0;  // a query at position p sees keys in (p - window, p]; 0: all of [0, p]
  // It sees those in (p, p + window), or all, as well: encoders.  Runs are whole sequences then.
  bool both_ways = false;
  float soft_cap = 0;  // scores s become soft_cap * tanh(s / soft_cap); 0: they stay.  Gemma 2, arXiv:2408.00118
  // f32 [2 * farthest + 1, n_heads], added to the scores before the cap: row farthest + d for a key d positions after
  // the query, where a d past +-farthest counts as that; empty: none.  Raffel et al. 2020, arXiv:1910.10683
  Tensor distance_bias = {};
  Tensor sinks = {};  // f32 [n_heads]: a score of nothing, which takes weight and gives no value; empty: none
};

// How the two elements of a pair that rotates together stand in a head.
enum class RopePairs : uint8_t {
  halves,    // element j and j + n_rotated / 2, the "NeoX" order
  adjacent,  // elements 2 j and 2 j + 1, the order of the paper and of GGUF's llama
};

enum class Activation : uint8_t {
  identity,   // a Gate is then a plain product
  gelu_tanh,  // 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).  Hendrycks and Gimpel 2016, arXiv:1606.08415
  gelu,       // x Phi(x), by the error function
  silu,       // x sigmoid(x)
  relu,
  relu_squared,
  sigmoid,
  tanh,
  softplus,         // log(1 + e^x)
  exp_neg_exp,      // e^-(e^x): RWKV-6's decay of a state
  exp_neg_sigmoid,  // e^-(e^-0.5 sigmoid(x)): RWKV-7's, never below 0.545
  clamped_swiglu,   // only for Gate, of gpt-oss: see there
};

// Heads of Mamba: `n_heads` of `head_dim` channels each; `n_groups`, which divide n_heads, share b and c.
struct ScanOptions {
  int64_t n_heads = 0;
  int64_t head_dim = 0;  // 1 in Mamba-1, where every channel has a step of its own
  int64_t n_groups = 1;
  int64_t state_size = 0;  // numbers that each channel keeps
};

// How logits of a router become the weights of the experts that are chosen.
enum class RouterWeights : uint8_t {
  softmax_of_all,     // softmax over all experts; the chosen ones keep their share
  softmax_of_chosen,  // softmax over the chosen ones alone: shares of all, made to sum to one
};

// How frequencies change for rows whose text is longer than `short_length` tokens (models/rope.h).
struct RopeByLength {
  std::span<const int32_t> lengths = {};  // [n_rows], of each row's text; empty: no frequency changes
  int64_t short_length = 0;
  Tensor long_inv_freq = {};  // [n_freqs], in place of inv_freq; empty: frequencies are slowed down by `growth`
  float growth = 1;

  // Frequency `j` of row `row`, where `inv_freq` are those of short texts.
  float frequency(const Tensor& inv_freq, size_t row, int64_t j) const;
};

namespace op {

// out[i, :] = table[ids[i], :] * scale.  table: [vocab_size, d_model].
struct Embed {
  static constexpr std::string_view kName = "embed";
  Tensor table;
  std::span<const int32_t> ids;
  float scale;
  Tensor out;
};

// out[i, :] = x[rows[i], :].
struct GatherRows {
  static constexpr std::string_view kName = "gather_rows";
  Tensor x;
  std::span<const int32_t> rows;
  Tensor out;
};

// out = x / sqrt(mean(x^2) + eps) * weight over the last dimension, or over each of `n_groups` equal parts of it; `out`
// may be `x`.  Zhang and Sennrich 2019, arXiv:1910.07467.
struct RmsNorm {
  static constexpr std::string_view kName = "rms_norm";
  Tensor x, weight;
  float eps;
  Tensor out;
  int64_t n_groups = 1;
};

// out = (x - mean(x)) / sqrt(var(x) + eps) * weight + bias over the last dimension, or over each of `n_groups` equal
// parts of it; `bias` may be empty, `out` may be `x`.  Ba et al. 2016, arXiv:1607.06450; groups: Wu and He 2018,
// arXiv:1803.08494.
struct LayerNorm {
  static constexpr std::string_view kName = "layer_norm";
  Tensor x, weight, bias;
  float eps;
  Tensor out;
  int64_t n_groups = 1;
};

// out = y / sqrt(sum(y^2) + eps) with y = x * weight, over each of `n_groups` equal parts of the last dimension;
// `weight` may be empty, `out` may be `x`.
struct L2Norm {
  static constexpr std::string_view kName = "l2_norm";
  Tensor x, weight;
  float eps;
  Tensor out;
  int64_t n_groups = 1;
};

// outs[j] = x * weights[j]^T, where x is xs[j], or xs[0] for all weights when there is no other.
// x: [n_rows, K_j], as many rows in all; weights[j]: [N_j, K_j]; outs[j]: [n_rows, N_j].
// Products that do not need each other go together so that a backend prepares an input once and its threads meet once.
struct Matmul {
  static constexpr std::string_view kName = "matmul";
  std::span<const Tensor> xs;
  std::span<const Tensor> weights;
  std::span<const Tensor> outs;

  const Tensor& x(size_t j) const { return xs[xs.size() == 1 ? 0 : j]; }
};

// outs[j] = activation(x * weights[j]^T + biases[j]), where biases[j] may be empty.
// x: [n_rows, K]; weights[j]: [N_j, K]; biases[j]: [N_j]; outs[j]: [n_rows, N_j].  As many of each, at least one.
struct Project {
  static constexpr std::string_view kName = "project";
  Tensor x;
  std::span<const Tensor> weights, biases;
  Activation activation;
  std::span<const Tensor> outs;
};

// The scores of a vocabulary for one row, as far as a choice needs them: out = x * weight^T as Matmul gives it, bit for
// bit, but out may be -infinity instead of a number that is out of reach.  NaN is always in reach.
// x: [1, K]; weight: [N, K]; out: [1, N].
struct Scores {
  static constexpr std::string_view kName = "scores";
  Tensor x, weight;
  ScoreReach reach;
  Tensor out;
};

// out = a + b; `out` may be `a` or `b`.
struct Add {
  static constexpr std::string_view kName = "add";
  Tensor a, b;
  Tensor out;
};

// out[i, :] = x[i, :] + row; `out` may be `x`.
struct AddRow {
  static constexpr std::string_view kName = "add_row";
  Tensor x, row;
  Tensor out;
};

// out = activation(x); `out` may be `x`.
struct Activate {
  static constexpr std::string_view kName = "activate";
  Tensor x;
  Activation activation;
  Tensor out;
};

// out = activation(gate) * up; `out` may be either.  clamped_swiglu: g = min(gate, 7), u = up within [-7, 7],
// out = g sigmoid(1.702 g) (u + 1).
struct Gate {
  static constexpr std::string_view kName = "gate";
  Tensor gate, up;
  Activation activation;
  Tensor out;
};

// out = x * factor; `out` may be `x`.
struct Scale {
  static constexpr std::string_view kName = "scale";
  Tensor x;
  float factor;
  Tensor out;
};

// out = cap * tanh(x / cap); `out` may be `x`.
struct SoftCap {
  static constexpr std::string_view kName = "soft_cap";
  Tensor x;
  float cap;
  Tensor out;
};

// out[i, :] = cos of angles | sin of angles, both times `scale`; angle j = positions[i] * inv_freq[j], a float32
// product as the models were trained with.  out: [n_rows, 2 * n_freqs].  Rows of long texts have other frequencies.
struct RopeTable {
  static constexpr std::string_view kName = "rope_table";
  std::span<const int32_t> positions;
  Tensor inv_freq;
  float scale;
  Tensor out;
  RopeByLength by_length = {};
};

// Rotates the first 2 * n_freqs elements of each head of x: [n_rows, n_heads, head_dim] by its row of `table`; the
// others stay.  `out` may be `x`.  Su et al. 2021, arXiv:2104.09864.
struct Rope {
  static constexpr std::string_view kName = "rope";
  Tensor x, table;
  RopePairs pairs;
  Tensor out;
};

// Appends k and v to the caches of `runs`, then scaled dot-product attention of q over them; over the run's own rows of
// k and v where it has no caches.
// q, out: [n_rows, n_heads * head_dim]; k, v: [n_rows, n_kv_heads * head_dim].
// Online softmax: Dao et al. 2022, arXiv:2205.14135.
struct Attention {
  static constexpr std::string_view kName = "attention";
  Tensor q, k, v;
  std::span<const StateRun> runs;
  AttentionOptions options;
  Tensor out;
};

// The experts with the greatest logits of each row, the lower number first where equal, and their weights.
// logits: [n_rows, n_experts]; ids: i32 [n_rows, n_chosen]; weights: f32 of that shape.
// Mixtures of experts: Shazeer et al. 2017, arXiv:1701.06538.
struct ChooseExperts {
  static constexpr std::string_view kName = "choose_experts";
  Tensor logits;
  RouterWeights kind;
  Tensor ids, weights;
};

// out[i * n_chosen + j, :] = row of x * experts[ids[i, j]]^T, where the row is i when x has n_rows rows and
// i * n_chosen + j when it has n_rows * n_chosen.  experts: [N, K] each; ids: i32 [n_rows, n_chosen].  biases: [N] of
// each expert, added to its products, or none at all.
struct ExpertMatmul {
  static constexpr std::string_view kName = "expert_matmul";
  Tensor x, ids;
  std::span<const Tensor> experts;
  std::span<const Tensor> biases;
  Tensor out;
};

// out[i, :] = sum over j of weights[i, j] * x[i * n_chosen + j, :], j in order.
struct MixExperts {
  static constexpr std::string_view kName = "mix_experts";
  Tensor x, weights;
  Tensor out;
};

// outs[j] = x + (y - x) * shares[j]; shares[j] is as x, or [d] for all rows alike.
struct Lerp {
  static constexpr std::string_view kName = "lerp";
  Tensor x, y;
  std::span<const Tensor> shares;
  std::span<const Tensor> outs;
};

// out[i, :] = the row of x before row i in its sequence, zeros before the first.  State: the last row.
struct PreviousRows {
  static constexpr std::string_view kName = "previous_rows";
  Tensor x;
  std::span<const StateRun> runs;
  SlotPart part;
  Tensor out;
};

// A convolution of each channel over the rows of its sequence, zeros before the first:
// out[i, c] = bias[c] + sum over j of weight[j, c] * x[i - (K - 1) + j, c].  weight: [K, d]; `bias` may be empty.
// State: the last K - 1 rows.
struct CausalConv {
  static constexpr std::string_view kName = "causal_conv";
  Tensor x, weight, bias;
  std::span<const StateRun> runs;
  SlotPart part;
  Tensor out;
};

// State space models with a step size for each row: for a channel ch of head h, which reads group g of b and c,
//   state[:, ch] = exp(step[i, h] * a[:, h]) * state[:, ch] + step[i, h] * x[i, ch] * b[i, g, :]
//   out[i, ch] = c[i, g, :] . state[:, ch] + skip[h] * x[i, ch]
// x, out: [n_rows, n_heads * head_dim]; step: [n_rows, n_heads]; b, c: [n_rows, n_groups * state_size]; skip:
// [n_heads]. a: [n_heads] for all numbers of a head alike, the state is [n_heads, state_size, head_dim] then; or, where
// heads are single channels, [state_size, n_heads], as the state is. Gu and Dao 2023, arXiv:2312.00752 (Mamba); Dao and
// Gu 2024, arXiv:2405.21060 (Mamba-2).
struct SelectiveScan {
  static constexpr std::string_view kName = "selective_scan";
  Tensor x, step, a, b, c, skip;
  std::span<const StateRun> runs;
  ScanOptions options;
  SlotPart part;
  Tensor out;
};

// RWKV-4's attention without queries: a mean of the values so far, weighted by e^key and by e^decay for each row that
// has passed since, the row itself by e^(key + bonus).  k, v, out: [n_rows, d]; decay (below zero), bonus: [d].
// State: [3, d], numerator and denominator, both times e^-greatest, and the greatest exponent.
// Peng et al. 2023, arXiv:2305.13048.
struct Wkv4 {
  static constexpr std::string_view kName = "wkv4";
  Tensor k, v, decay, bonus;
  std::span<const StateRun> runs;
  SlotPart part;
  Tensor out;
};

// Linear attention of RWKV-5 and 6 with a matrix for each head:
//   out[i] = r[i] (state + (bonus * k[i]) v[i]^T);  state = decay[i] * state + k[i] v[i]^T, row by row
// r, k, v, out: [n_rows, n_heads * head_dim]; decay: as these, or for all rows alike one for each channel or for each
// head; bonus: one for each channel or for each head.  State: [n_heads, head_dim of k, head_dim of v].
// Peng et al. 2024, arXiv:2404.05892.
struct Wkv {
  static constexpr std::string_view kName = "wkv";
  Tensor r, k, v, decay, bonus;
  std::span<const StateRun> runs;
  int64_t n_heads;
  SlotPart part;
  Tensor out;
};

// The delta rule of RWKV-7, generalised: the state forgets what it holds for one key and learns a value for another:
//   state = decay[i] * state - change[i] (erase[i] state) + k[i] v[i]^T;  out[i] = r[i] state
// All [n_rows, n_heads * head_dim].  State: [n_heads, head_dim of k, head_dim of v].
// Peng et al. 2025, arXiv:2503.14456; Yang et al. 2024, arXiv:2412.06464.
struct DeltaRule {
  static constexpr std::string_view kName = "delta_rule";
  Tensor r, decay, k, v, erase, change;
  std::span<const StateRun> runs;
  int64_t n_heads;
  SlotPart part;
  Tensor out;
};

// The delta rule with one decay and one rate for a head, whose state has another value put in place of the one that it
// holds for a key; as many heads of v as divide among them share a head of q and k:
//   state = exp(step[i, h] a[h]) * state;  state += k[i] (rate[i, h] * (v[i] - k[i] state))^T;  out[i] = q[i] state
// q, k: [n_rows, n_key_heads * key_dim]; v, out: [n_rows, n_heads * value_dim]; step, rate: [n_rows, n_heads]; a:
// [n_heads].  State: [n_heads, key_dim, value_dim].  Yang et al. 2024, arXiv:2412.06464.
// DeltaRule would need its state square and every number for each channel of each head of v: the rate in k and in
// change, the decay in decay and in change.
struct GatedDeltaRule {
  static constexpr std::string_view kName = "gated_delta_rule";
  Tensor q, k, v, step, a, rate;
  std::span<const StateRun> runs;
  int64_t n_key_heads;  // divides n_heads
  SlotPart part;
  Tensor out;
};

// Adds to each head of x its v, times the sum of r * k * weight over the head; `out` may be `x`.
// All [n_rows, n_heads * head_dim]; weight: [n_heads * head_dim].
struct HeadBonus {
  static constexpr std::string_view kName = "head_bonus";
  Tensor x, r, k, v, weight;
  int64_t n_heads;
  Tensor out;
};

}  // namespace op

using Operation = std::variant<op::Embed, op::GatherRows, op::RmsNorm, op::LayerNorm, op::L2Norm, op::Matmul,
                               op::Project, op::Scores, op::Add, op::AddRow, op::Activate, op::Gate, op::Scale,
                               op::SoftCap, op::RopeTable, op::Rope, op::Attention, op::ChooseExperts, op::ExpertMatmul,
                               op::MixExperts, op::Lerp, op::PreviousRows, op::CausalConv, op::SelectiveScan, op::Wkv4,
                               op::Wkv, op::DeltaRule, op::GatedDeltaRule, op::HeadBonus>;

}  // namespace tidemill
