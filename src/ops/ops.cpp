#include "ops/ops.h"

#include <string>
#include <string_view>

#include "ops/checks.h"

namespace tidemill {

using namespace ops_checks;

namespace {

void expect_index(std::string_view what, int32_t index, int64_t n_rows) {
  if (index < 0 || index >= n_rows) {
    fail(std::string(what) + " " + std::to_string(index) + " is out of range; give 0 to " + std::to_string(n_rows - 1));
  }
}

void expect_layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  expect_activation("layer_norm: x", x, x.shape().rank());
  expect_row("layer_norm: weight", weight, x);
  if (!bias.empty()) expect_row("layer_norm: bias", bias, x);
}

void expect_attention_options(const AttentionOptions& options) {
  if (!options.sinks.empty()) {
    expect_activation("attention: sinks", options.sinks, 1);
    expect_shape("attention: sinks", options.sinks.shape(), {options.n_heads});
  }
  if (!options.distance_bias.empty()) {
    expect_activation("attention: distance_bias", options.distance_bias, 2);
    const int64_t n_distances = options.distance_bias.dim(0) / 2 * 2 + 1;
    expect_shape("attention: distance_bias", options.distance_bias.shape(), {n_distances, options.n_heads});
  }
  if (options.soft_cap < 0 || options.n_heads < 1 || options.n_kv_heads < 1 || options.head_dim < 1 ||
      options.window < 0 || options.n_heads % options.n_kv_heads != 0) {
    fail("attention: n_heads " + std::to_string(options.n_heads) + ", n_kv_heads " +
         std::to_string(options.n_kv_heads) + ", head_dim " + std::to_string(options.head_dim) + ", window " +
         std::to_string(options.window) + "; counts are positive and n_kv_heads divides n_heads");
  }
}

// A run that has no caches, or is seen both ways, is a whole sequence.
void expect_whole(const StateRun& run) {
  if (run.first_pos == 0 && run.n_rows >= 0) return;
  fail("attention: " + std::to_string(run.n_rows) + " rows from position " + std::to_string(run.first_pos) +
       "; without caches, or both ways, give whole sequences");
}

// The caches of a run are alike and have room for its rows.
void expect_caches(const StateRun& run, const AttentionOptions& options) {
  const int64_t kv_width = options.n_kv_heads * options.head_dim;
  for (const PagedRows& cache : {run.keys, run.values}) {
    const bool known = cache.dtype() == DType::f32 || cache.dtype() == DType::f16 || cache.dtype() == DType::q8_0;
    if (!known || cache.shape().rank() != 2 || cache.width() != kv_width ||
        cache.row_bytes() * 8 != kv_width * bits_per_element(cache.dtype())) {
      fail("attention: a cache is " + text(cache) + "; give contiguous f32, f16 or q8_0 [capacity, " +
           std::to_string(kv_width) + "]");
    }
    if (options.head_dim % info(cache.dtype()).block_length != 0) {
      fail("attention: head_dim " + std::to_string(options.head_dim) + " does not hold whole blocks of the cache " +
           text(cache) + "; give one of f32 or f16");
    }
  }
  if (run.keys.dtype() != run.values.dtype() || run.keys.shape() != run.values.shape()) {
    fail("attention: keys are " + text(run.keys) + " and values " + text(run.values) + "; make them alike");
  }
  if (run.n_rows < 0 || run.first_pos < 0 || run.n_rows > run.keys.n_rows() ||
      run.first_pos > run.keys.n_rows() - run.n_rows) {
    fail("attention: " + std::to_string(run.n_rows) + " rows from position " + std::to_string(run.first_pos) +
         " do not fit the cache " + text(run.keys) + "; give a longer cache or fewer rows");
  }
}

}  // namespace

Tensor Ops::embed(const Tensor& table, std::span<const int32_t> ids, float scale) {
  if (table.shape().rank() != 2) fail("embed: table is " + text(table) + "; give [vocab_size, d_model]");
  for (const int32_t id : ids) expect_index("embed: id", id, table.dim(0));
  Tensor out = arena_.allocate(DType::f32, {static_cast<int64_t>(ids.size()), table.dim(1)});
  kernels_.run(op::Embed{table, ids, scale, out});
  return out;
}

Tensor Ops::gather_rows(const Tensor& x, std::span<const int32_t> rows) {
  expect_activation("gather_rows: x", x, 2);
  for (const int32_t row : rows) expect_index("gather_rows: row", row, x.dim(0));
  Tensor out = arena_.allocate(DType::f32, {static_cast<int64_t>(rows.size()), x.dim(1)});
  kernels_.run(op::GatherRows{x, rows, out});
  return out;
}

Tensor Ops::rms_norm(const Tensor& x, const Tensor& weight, float eps, int64_t n_groups) {
  expect_activation("rms_norm: x", x, x.shape().rank());
  expect_row("rms_norm: weight", weight, x);
  expect_divides("rms_norm: n_groups", n_groups, x);
  Tensor out = arena_.allocate(DType::f32, x.shape());
  kernels_.run(op::RmsNorm{x, weight, eps, out, n_groups});
  return out;
}

Tensor Ops::layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps, int64_t n_groups) {
  expect_layer_norm(x, weight, bias);
  expect_divides("layer_norm: n_groups", n_groups, x);
  Tensor out = arena_.allocate(DType::f32, x.shape());
  kernels_.run(op::LayerNorm{x, weight, bias, eps, out, n_groups});
  return out;
}

Tensor Ops::layer_norm_in_place(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps) {
  expect_layer_norm(x, weight, bias);
  kernels_.run(op::LayerNorm{x, weight, bias, eps, x});
  return x;
}

Tensor Ops::l2_norm(const Tensor& x, const Tensor& weight, float eps, int64_t n_groups) {
  expect_activation("l2_norm: x", x, x.shape().rank());
  if (!weight.empty()) expect_row("l2_norm: weight", weight, x);
  expect_divides("l2_norm: n_groups", n_groups, x);
  Tensor out = arena_.allocate(DType::f32, x.shape());
  kernels_.run(op::L2Norm{x, weight, eps, out, n_groups});
  return out;
}

Tensor Ops::product_room(const Product& product) {
  const Tensor &x = product.x, &weight = product.weight;
  expect_activation("matmul: x", x, 2);
  if (weight.shape().rank() != 2 || weight.dim(1) != x.dim(1)) {
    fail("matmul: x is " + text(x) + " and a weight " + text(weight) + "; x [n_rows, K] takes weights [N, K]");
  }
  const Shape shape{x.dim(0), weight.dim(0)};
  if (product.into.empty()) return arena_.allocate(DType::f32, shape);
  expect_shaped("matmul: into", product.into, shape);
  return product.into;
}

Tensor Ops::scores(const Tensor& x, const Tensor& weight, const ScoreReach& reach) {
  if (reach.is_all() || x.dim(0) != 1) return matmul(x, weight);
  const Tensor out = product_room({x, weight});
  kernels_.run(op::Scores{x, weight, reach, out});
  return out;
}

void Ops::matmul_all(const Tensor& x, std::span<const Tensor> weights, std::span<Tensor> outs) {
  for (size_t j = 0; j < weights.size(); ++j) outs[j] = product_room({x, weights[j]});
  kernels_.run(op::Matmul{{&x, 1}, weights, outs});
}

Tensor Ops::matmul(const Tensor& x, const Tensor& weight) {
  Tensor out;
  matmul_all(x, {&weight, 1}, {&out, 1});
  return out;
}

void Ops::project_all(const Tensor& x, std::span<const Tensor> weights, std::span<const Tensor> biases,
                      Activation activation, std::span<Tensor> outs) {
  if (activation == Activation::clamped_swiglu) fail("project: clamped_swiglu takes two tensors; use gate");
  for (size_t j = 0; j < weights.size(); ++j) {
    outs[j] = product_room({x, weights[j]});
    if (!biases[j].empty()) expect_row("project: bias", biases[j], outs[j]);
  }
  kernels_.run(op::Project{x, weights, biases, activation, outs});
}

Tensor Ops::add(const Tensor& a, const Tensor& b) {
  expect_alike("add: a", a, "add: b", b);
  Tensor out = arena_.allocate(DType::f32, a.shape());
  kernels_.run(op::Add{a, b, out});
  return out;
}

Tensor Ops::add_to(const Tensor& x, const Tensor& y) {
  expect_alike("add_to: x", x, "add_to: y", y);
  kernels_.run(op::Add{x, y, x});
  return x;
}

Tensor Ops::add_row(const Tensor& x, const Tensor& row) {
  expect_activation("add_row: x", x, x.shape().rank());
  expect_row("add_row: row", row, x);
  kernels_.run(op::AddRow{x, row, x});
  return x;
}

Tensor Ops::activate(const Tensor& x, Activation activation) {
  expect_activation("activate: x", x, x.shape().rank());
  if (activation == Activation::clamped_swiglu) fail("activate: clamped_swiglu takes two tensors; use gate");
  kernels_.run(op::Activate{x, activation, x});
  return x;
}

Tensor Ops::gate(const Tensor& gate, const Tensor& up, Activation activation) {
  expect_alike("gate: gate", gate, "gate: up", up);
  Tensor out = arena_.allocate(DType::f32, gate.shape());
  kernels_.run(op::Gate{gate, up, activation, out});
  return out;
}

Tensor Ops::gate_in_place(const Tensor& gate, const Tensor& up, Activation activation) {
  expect_alike("gate: gate", gate, "gate: up", up);
  kernels_.run(op::Gate{gate, up, activation, gate});
  return gate;
}

Tensor Ops::scale(const Tensor& x, float factor) {
  expect_activation("scale: x", x, x.shape().rank());
  kernels_.run(op::Scale{x, factor, x});
  return x;
}

Tensor Ops::soft_cap(const Tensor& x, float cap) {
  expect_activation("soft_cap: x", x, x.shape().rank());
  if (!(cap > 0)) fail("soft_cap: cap is " + std::to_string(cap) + "; give a number above zero");
  kernels_.run(op::SoftCap{x, cap, x});
  return x;
}

Tensor Ops::rope_table(std::span<const int32_t> positions, const Tensor& inv_freq, float scale,
                       const RopeByLength& by_length) {
  expect_activation("rope_table: inv_freq", inv_freq, 1);
  if (!by_length.long_inv_freq.empty())
    expect_shape("rope_table: long_inv_freq", by_length.long_inv_freq.shape(), inv_freq.shape());
  if (!by_length.lengths.empty() && by_length.lengths.size() != positions.size())
    fail("rope_table: " + std::to_string(by_length.lengths.size()) + " lengths for " +
         std::to_string(positions.size()) + " positions; give one for each");
  Tensor out = arena_.allocate(DType::f32, {static_cast<int64_t>(positions.size()), 2 * inv_freq.dim(0)});
  kernels_.run(op::RopeTable{positions, inv_freq, scale, out, by_length});
  return out;
}

Tensor Ops::rope(const Tensor& x, const Tensor& table, int64_t head_dim, RopePairs pairs) {
  expect_activation("rope: x", x, 2);
  expect_activation("rope: table", table, 2);
  if (head_dim < 1 || x.dim(1) % head_dim != 0 || table.dim(1) % 2 != 0 || table.dim(1) > head_dim) {
    fail("rope: x is " + text(x) + ", table " + text(table) + " and head_dim " + std::to_string(head_dim) +
         "; head_dim divides the last dimension and the table is even and no wider than a head");
  }
  expect_shape("rope: table", table.shape(), {x.dim(0), table.dim(1)});
  Tensor out = arena_.allocate(DType::f32, x.shape());
  const Shape heads{x.dim(0), x.dim(1) / head_dim, head_dim};
  kernels_.run(op::Rope{x.reshape(heads), table, pairs, out.reshape(heads)});
  return out;
}

Tensor Ops::attention(const Tensor& q, const Tensor& k, const Tensor& v, std::span<const StateRun> runs,
                      const AttentionOptions& options) {
  expect_attention_options(options);
  expect_activation("attention: q", q, 2);
  expect_activation("attention: k", k, 2);
  expect_activation("attention: v", v, 2);
  const int64_t kv_width = options.n_kv_heads * options.head_dim;
  expect_shape("attention: q", q.shape(), {q.dim(0), options.n_heads * options.head_dim});
  expect_shape("attention: k", k.shape(), {q.dim(0), kv_width});
  expect_shape("attention: v", v.shape(), {q.dim(0), kv_width});
  for (const StateRun& run : runs) {
    const bool has_caches = !run.keys.empty() || !run.values.empty();
    if (has_caches) expect_caches(run, options);
    if (!has_caches || options.both_ways) expect_whole(run);
  }
  expect_cover("attention: q", q, runs);
  Tensor out = arena_.allocate(DType::f32, q.shape());
  kernels_.run(op::Attention{q, k, v, runs, options, out});
  return out;
}

Ops::Choice Ops::choose_experts(const Tensor& logits, int64_t n_chosen, RouterWeights kind) {
  expect_activation("choose_experts: logits", logits, 2);
  if (n_chosen < 1 || n_chosen > logits.dim(1)) {
    fail("choose_experts: " + std::to_string(n_chosen) + " of " + text(logits) + "; choose 1 to all experts");
  }
  const Shape shape{logits.dim(0), n_chosen};
  const Choice choice{arena_.allocate(DType::i32, shape), arena_.allocate(DType::f32, shape)};
  kernels_.run(op::ChooseExperts{logits, kind, choice.ids, choice.weights});
  return choice;
}

Tensor Ops::expert_matmul(const Tensor& x, std::span<const Tensor> experts, std::span<const Tensor> biases,
                          const Choice& choice) {
  expect_activation("expert_matmul: x", x, 2);
  const int64_t n_products = choice.ids.n_elements();
  if (experts.empty() || (x.dim(0) != choice.ids.dim(0) && x.dim(0) != n_products)) {
    fail("expert_matmul: x is " + text(x) + " and the choice " + text(choice.ids) +
         "; give a row of x for each row of the choice, or for each of its experts");
  }
  for (const Tensor& expert : experts) {
    expect_shape("expert_matmul: expert", expert.shape(), {experts[0].dim(0), x.dim(1)});
  }
  if (!biases.empty() && biases.size() != experts.size()) {
    fail("expert_matmul: " + std::to_string(biases.size()) + " biases for " + std::to_string(experts.size()) +
         " experts; give one for each, or none");
  }
  for (const Tensor& bias : biases) expect_shape("expert_matmul: bias", bias.shape(), {experts[0].dim(0)});
  Tensor out = arena_.allocate(DType::f32, {n_products, experts[0].dim(0)});
  kernels_.run(op::ExpertMatmul{x, choice.ids, experts, biases, out});
  return out;
}

Tensor Ops::mix_experts(const Tensor& x, const Choice& choice) {
  expect_activation("mix_experts: x", x, 2);
  expect_shape("mix_experts: x", x.shape(), {choice.weights.n_elements(), x.dim(1)});
  Tensor out = arena_.allocate(DType::f32, {choice.weights.dim(0), x.dim(1)});
  kernels_.run(op::MixExperts{x, choice.weights, out});
  return out;
}

}  // namespace tidemill
