#include "ops/ops.h"

#include <string>
#include <string_view>

namespace tidemill {

namespace {

[[noreturn]] void fail(const std::string& message) {
  throw Error(ErrorCode::invalid_argument, message);
}

std::string text(const Tensor& tensor) {
  return std::string(info(tensor.dtype()).name) + " " + tensor.shape().to_string();
}

// Activations are contiguous f32 of one rank; `what` is the operation and its operand, "matmul: x".
void expect_activation(std::string_view what, const Tensor& tensor, int rank) {
  if (tensor.dtype() != DType::f32 || tensor.shape().rank() != rank || !tensor.is_contiguous()) {
    fail(std::string(what) + " is " + text(tensor) + (tensor.is_contiguous() ? "" : " with gaps") +
         "; give contiguous f32 of rank " + std::to_string(rank));
  }
}

void expect_index(std::string_view what, int32_t index, int64_t n_rows) {
  if (index < 0 || index >= n_rows) {
    fail(std::string(what) + " " + std::to_string(index) + " is out of range; give 0 to " + std::to_string(n_rows - 1));
  }
}

void expect_attention_options(const AttentionOptions& options) {
  if (options.n_heads < 1 || options.n_kv_heads < 1 || options.head_dim < 1 || options.window < 0 ||
      options.n_heads % options.n_kv_heads != 0) {
    fail("attention: n_heads " + std::to_string(options.n_heads) + ", n_kv_heads " +
         std::to_string(options.n_kv_heads) + ", head_dim " + std::to_string(options.head_dim) + ", window " +
         std::to_string(options.window) + "; counts are positive and n_kv_heads divides n_heads");
  }
}

// The caches of a run are alike and have room for its rows.
void expect_run(const KvRun& run, int64_t kv_width) {
  for (const Tensor& cache : {run.keys, run.values}) {
    const bool known = cache.dtype() == DType::f32 || cache.dtype() == DType::f16;
    if (!known || cache.shape().rank() != 2 || cache.dim(1) != kv_width || !cache.is_contiguous()) {
      fail("attention: a cache is " + text(cache) + "; give contiguous f32 or f16 [capacity, " +
           std::to_string(kv_width) + "]");
    }
  }
  if (run.keys.dtype() != run.values.dtype() || run.keys.shape() != run.values.shape()) {
    fail("attention: keys are " + text(run.keys) + " and values " + text(run.values) + "; make them alike");
  }
  if (run.n_rows < 0 || run.first_pos < 0 || run.n_rows > run.keys.dim(0) ||
      run.first_pos > run.keys.dim(0) - run.n_rows) {
    fail("attention: " + std::to_string(run.n_rows) + " rows from position " + std::to_string(run.first_pos) +
         " do not fit the cache " + text(run.keys) + "; give a longer cache or fewer rows");
  }
}

}  // namespace

Tensor Ops::embed(const Tensor& table, std::span<const int32_t> ids, float scale) {
  if (table.shape().rank() != 2) fail("embed: table is " + text(table) + "; give [vocab_size, d_model]");
  for (const int32_t id : ids) expect_index("embed: id", id, table.dim(0));
  Tensor out = arena_.allocate(DType::f32, {static_cast<int64_t>(ids.size()), table.dim(1)});
  kernels_.embed(table, ids, scale, out);
  return out;
}

Tensor Ops::gather_rows(const Tensor& x, std::span<const int32_t> rows) {
  expect_activation("gather_rows: x", x, 2);
  for (const int32_t row : rows) expect_index("gather_rows: row", row, x.dim(0));
  Tensor out = arena_.allocate(DType::f32, {static_cast<int64_t>(rows.size()), x.dim(1)});
  kernels_.gather_rows(x, rows, out);
  return out;
}

Tensor Ops::rms_norm(const Tensor& x, const Tensor& weight, float eps) {
  expect_activation("rms_norm: x", x, x.shape().rank());
  expect_activation("rms_norm: weight", weight, 1);
  if (x.shape().rank() < 1 || weight.dim(0) != x.shape().last()) {
    fail("rms_norm: x is " + text(x) + " and weight " + text(weight) + "; their last dimensions must be equal");
  }
  Tensor out = arena_.allocate(DType::f32, x.shape());
  kernels_.rms_norm(x, weight, eps, out);
  return out;
}

void Ops::matmul_all(const Tensor& x, std::span<const Tensor> weights, std::span<Tensor> outs) {
  expect_activation("matmul: x", x, 2);
  for (size_t j = 0; j < weights.size(); ++j) {
    if (weights[j].shape().rank() != 2 || weights[j].dim(1) != x.dim(1)) {
      fail("matmul: x is " + text(x) + " and a weight " + text(weights[j]) + "; x [n_rows, K] takes weights [N, K]");
    }
    outs[j] = arena_.allocate(DType::f32, {x.dim(0), weights[j].dim(0)});
  }
  kernels_.matmul(x, weights, outs);
}

Tensor Ops::matmul(const Tensor& x, const Tensor& weight) {
  Tensor out;
  matmul_all(x, {&weight, 1}, {&out, 1});
  return out;
}

Tensor Ops::add(const Tensor& a, const Tensor& b) {
  expect_activation("add: a", a, a.shape().rank());
  expect_activation("add: b", b, a.shape().rank());
  expect_shape("add: b", b.shape(), a.shape());
  Tensor out = arena_.allocate(DType::f32, a.shape());
  kernels_.add(a, b, out);
  return out;
}

Tensor Ops::add_to(const Tensor& x, const Tensor& y) {
  expect_activation("add_to: x", x, x.shape().rank());
  expect_activation("add_to: y", y, x.shape().rank());
  expect_shape("add_to: y", y.shape(), x.shape());
  kernels_.add(x, y, x);
  return x;
}

Tensor Ops::gelu_mul(const Tensor& gate, const Tensor& up) {
  expect_activation("gelu_mul: gate", gate, gate.shape().rank());
  expect_activation("gelu_mul: up", up, gate.shape().rank());
  expect_shape("gelu_mul: up", up.shape(), gate.shape());
  Tensor out = arena_.allocate(DType::f32, gate.shape());
  kernels_.gelu_mul(gate, up, out);
  return out;
}

Tensor Ops::rope_table(std::span<const int32_t> positions, const Tensor& inv_freq) {
  expect_activation("rope_table: inv_freq", inv_freq, 1);
  Tensor out = arena_.allocate(DType::f32, {static_cast<int64_t>(positions.size()), 2 * inv_freq.dim(0)});
  kernels_.rope_table(positions, inv_freq, out);
  return out;
}

Tensor Ops::rope(const Tensor& x, const Tensor& table, int64_t head_dim) {
  expect_activation("rope: x", x, 2);
  expect_activation("rope: table", table, 2);
  if (head_dim < 2 || head_dim % 2 != 0 || x.dim(1) % head_dim != 0) {
    fail("rope: x is " + text(x) + " and head_dim " + std::to_string(head_dim) +
         "; head_dim is even and divides the last dimension");
  }
  expect_shape("rope: table", table.shape(), {x.dim(0), head_dim});
  Tensor out = arena_.allocate(DType::f32, x.shape());
  const Shape heads{x.dim(0), x.dim(1) / head_dim, head_dim};
  kernels_.rope(x.reshape(heads), table, out.reshape(heads));
  return out;
}

Tensor Ops::attention(const Tensor& q, const Tensor& k, const Tensor& v, std::span<const KvRun> runs,
                      const AttentionOptions& options) {
  expect_attention_options(options);
  expect_activation("attention: q", q, 2);
  expect_activation("attention: k", k, 2);
  expect_activation("attention: v", v, 2);
  const int64_t kv_width = options.n_kv_heads * options.head_dim;
  expect_shape("attention: q", q.shape(), {q.dim(0), options.n_heads * options.head_dim});
  expect_shape("attention: k", k.shape(), {q.dim(0), kv_width});
  expect_shape("attention: v", v.shape(), {q.dim(0), kv_width});
  int64_t next_row = 0;
  for (const KvRun& run : runs) {
    expect_run(run, kv_width);
    if (run.first_row != next_row) break;
    next_row += run.n_rows;
  }
  if (next_row != q.dim(0)) {
    fail("attention: q is " + text(q) + " but the runs cover " + std::to_string(next_row) +
         " rows; runs follow each other and cover every row once");
  }
  Tensor out = arena_.allocate(DType::f32, q.shape());
  kernels_.attention(q, k, v, runs, options, out);
  return out;
}

}  // namespace tidemill
