#include "ops/work.h"

#include <algorithm>
#include <set>
#include <span>
#include <variant>

#include "tensor/int8_panels.h"
#include "tensor/panels.h"

namespace tidemill {
namespace {

int64_t bytes_of(const Tensor& tensor) {
  if (tensor.empty()) return 0;
  if (is_int8_panels(tensor)) return int8_panel_bytes(tensor.dim(0), tensor.dim(1));
  if (tensor.layout() != Layout::rows) return panel_bytes(tensor.dtype(), tensor.dim(0), tensor.dim(1));
  return tensor.size_bytes();
}

int64_t bytes_of(std::span<const Tensor> tensors) {
  int64_t total = 0;
  for (const Tensor& tensor : tensors) total += bytes_of(tensor);
  return total;
}

template <typename... T>
int64_t sum_of(const T&... tensors) {
  return (bytes_of(tensors) + ... + 0);
}

// What most operations write.
template <typename Op>
Work reads(const Op& op, int64_t bytes_read) {
  return {.bytes_read = bytes_read, .bytes_written = bytes_of(op.out)};
}

// The same, of operations that read a part of their runs' slots and write it anew.
template <typename Op>
Work continues(const Op& op, int64_t bytes_read) {
  const int64_t state = std::ssize(op.runs) * op.part.size * static_cast<int64_t>(sizeof(float));
  return {.bytes_read = bytes_read + state, .bytes_written = bytes_of(op.out) + state};
}

// Products of `n_rows` rows with `weight`.
void count_products(Work& work, int64_t n_rows, const Tensor& weight) {
  const bool is_block = info(weight.dtype()).is_quantized() || is_int8_panels(weight);
  (is_block ? work.block_operations : work.float_operations) += 2 * n_rows * weight.n_elements();
}

Work work(const op::Embed& op) {
  return reads(op, std::ssize(op.ids) * size_bytes(op.table.dtype(), {op.table.dim(1)}));
}
Work work(const op::GatherRows& op) {
  return reads(op, bytes_of(op.out));
}
Work work(const op::RmsNorm& op) {
  return reads(op, sum_of(op.x, op.weight));
}
Work work(const op::LayerNorm& op) {
  return reads(op, sum_of(op.x, op.weight, op.bias));
}
Work work(const op::L2Norm& op) {
  return reads(op, sum_of(op.x, op.weight));
}
Work work(const op::Matmul& op) {
  Work work{.bytes_read = sum_of(op.xs, op.weights), .bytes_written = sum_of(op.outs)};
  for (const Tensor& weight : op.weights) count_products(work, op.xs[0].dim(0), weight);
  return work;
}
Work work(const op::Project& op) {
  Work work{.bytes_read = sum_of(op.x, op.weights, op.biases), .bytes_written = sum_of(op.outs)};
  for (const Tensor& weight : op.weights) count_products(work, op.x.dim(0), weight);
  return work;
}

// What is read at least: half of the weight where a half of it can be read alone.
Work work(const op::Scores& op) {
  const bool is_halved = op.weight.layout() == Layout::halved_panels;
  const int64_t weight_bytes =
      is_halved ? panel_count(op.weight.dim(0)) * halved_strides(op.weight.dim(1)).high : bytes_of(op.weight);
  Work work = reads(op, bytes_of(op.x) + weight_bytes);
  count_products(work, 1, op.weight);
  return work;
}
Work work(const op::Add& op) {
  return reads(op, sum_of(op.a, op.b));
}
Work work(const op::AddRow& op) {
  return reads(op, sum_of(op.x, op.row));
}
Work work(const op::Activate& op) {
  return reads(op, sum_of(op.x));
}
Work work(const op::Gate& op) {
  return reads(op, sum_of(op.gate, op.up));
}
Work work(const op::Scale& op) {
  return reads(op, sum_of(op.x));
}
Work work(const op::SoftCap& op) {
  return reads(op, sum_of(op.x));
}
Work work(const op::RopeTable& op) {
  return reads(op, sum_of(op.inv_freq));
}
Work work(const op::Rope& op) {
  return reads(op, sum_of(op.x, op.table));
}

// The keys that the query at `position` sees in a run of n_keys.
int64_t n_seen(const AttentionOptions& options, int64_t position, int64_t n_keys) {
  const int64_t reach = options.window > 0 ? options.window : n_keys;
  const int64_t first = std::max<int64_t>(0, position - reach + 1);
  const int64_t end = options.both_ways ? std::min(n_keys, position + reach) : position + 1;
  return end - first;
}

// Keys and values are counted once for each run, those of before from its first query's window on.
Work work(const op::Attention& op) {
  const AttentionOptions& options = op.options;
  const int64_t kv_width = options.n_kv_heads * options.head_dim;
  Work work{.bytes_read = sum_of(op.q, op.k, op.v, options.distance_bias, options.sinks),
            .bytes_written = sum_of(op.out)};
  for (const StateRun& run : op.runs) {
    const int64_t n_keys = run.first_pos + run.n_rows;
    if (!run.keys.empty()) {
      const int64_t row_bytes = 2 * size_bytes(run.keys.dtype(), {kv_width});
      work.bytes_read += (n_seen(options, run.first_pos, n_keys) - 1) * row_bytes;
      work.bytes_written += run.n_rows * row_bytes;
    }
    for (int64_t position = run.first_pos; position < n_keys; ++position)
      work.float_operations += 4 * options.n_heads * options.head_dim * n_seen(options, position, n_keys);
  }
  return work;
}

Work work(const op::ChooseExperts& op) {
  return {.bytes_read = sum_of(op.logits), .bytes_written = sum_of(op.ids, op.weights)};
}

// Each expert that a row chose is read once.
Work work(const op::ExpertMatmul& op) {
  const std::span<const int32_t> ids(op.ids.as<const int32_t>(), static_cast<size_t>(op.ids.n_elements()));
  const std::set<int32_t> chosen(ids.begin(), ids.end());
  Work work = reads(op, sum_of(op.x, op.ids) + std::ssize(chosen) * bytes_of(op.experts.front()));
  count_products(work, op.ids.n_elements(), op.experts.front());
  return work;
}

Work work(const op::MixExperts& op) {
  return reads(op, sum_of(op.x, op.weights));
}
Work work(const op::Lerp& op) {
  return {.bytes_read = sum_of(op.x, op.y, op.shares), .bytes_written = sum_of(op.outs)};
}
Work work(const op::PreviousRows& op) {
  return continues(op, sum_of(op.x));
}
Work work(const op::CausalConv& op) {
  return continues(op, sum_of(op.x, op.weight, op.bias));
}
Work work(const op::SelectiveScan& op) {
  return continues(op, sum_of(op.x, op.step, op.a, op.b, op.c, op.skip));
}
Work work(const op::Wkv4& op) {
  return continues(op, sum_of(op.k, op.v, op.decay, op.bonus));
}
Work work(const op::Wkv& op) {
  return continues(op, sum_of(op.r, op.k, op.v, op.decay, op.bonus));
}
Work work(const op::DeltaRule& op) {
  return continues(op, sum_of(op.r, op.decay, op.k, op.v, op.erase, op.change));
}
Work work(const op::GatedDeltaRule& op) {
  return continues(op, sum_of(op.q, op.k, op.v, op.step, op.a, op.rate));
}
Work work(const op::HeadBonus& op) {
  return reads(op, sum_of(op.x, op.r, op.k, op.v, op.weight));
}

}  // namespace

Work work_of(const Operation& operation) {
  return std::visit([](const auto& op) { return work(op); }, operation);
}

}  // namespace tidemill
