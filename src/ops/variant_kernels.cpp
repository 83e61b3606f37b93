#include "ops/variant_kernels.h"

#include <algorithm>
#include <new>
#include <string>
#include <type_traits>
#include <variant>

namespace tidemill {
namespace {

// A vector for all rows alike, where an operand may also be rows.
bool is_weight(const Tensor& operand) {
  return operand.shape().rank() == 1;
}

// Calls `visit` with each operand of an operation that may be a weight: a tensor or several.
template <typename Op, typename Visit>
void visit_weights(const Op&, const Visit&) {}  // most have none

template <typename Visit>
void visit_weights(const op::Embed& operation, const Visit& visit) {
  visit(operation.table);
}
template <typename Visit>
void visit_weights(const op::RmsNorm& operation, const Visit& visit) {
  visit(operation.weight);
}
template <typename Visit>
void visit_weights(const op::LayerNorm& operation, const Visit& visit) {
  visit(operation.weight), visit(operation.bias);
}
template <typename Visit>
void visit_weights(const op::L2Norm& operation, const Visit& visit) {
  visit(operation.weight);
}
template <typename Visit>
void visit_weights(const op::Project& operation, const Visit& visit) {
  for (const Tensor& weight : operation.weights) visit(weight);
  for (const Tensor& bias : operation.biases) visit(bias);
}
template <typename Visit>
void visit_weights(const op::Scores& operation, const Visit& visit) {
  visit(operation.weight);
}
template <typename Visit>
void visit_weights(const op::AddRow& operation, const Visit& visit) {
  visit(operation.row);
}
template <typename Visit>
void visit_weights(const op::Attention& operation, const Visit& visit) {
  visit(operation.options.sinks), visit(operation.options.distance_bias);
}
template <typename Visit>
void visit_weights(const op::ExpertMatmul& operation, const Visit& visit) {
  for (const Tensor& expert : operation.experts) visit(expert);
  for (const Tensor& bias : operation.biases) visit(bias);
}
template <typename Visit>
void visit_weights(const op::Lerp& operation, const Visit& visit) {
  for (const Tensor& share : operation.shares)
    if (is_weight(share)) visit(share);
}
template <typename Visit>
void visit_weights(const op::CausalConv& operation, const Visit& visit) {
  visit(operation.weight), visit(operation.bias);
}
template <typename Visit>
void visit_weights(const op::SelectiveScan& operation, const Visit& visit) {
  visit(operation.a), visit(operation.skip);
}
template <typename Visit>
void visit_weights(const op::Wkv4& operation, const Visit& visit) {
  visit(operation.decay), visit(operation.bonus);
}
template <typename Visit>
void visit_weights(const op::Wkv& operation, const Visit& visit) {
  if (is_weight(operation.decay)) visit(operation.decay);
  visit(operation.bonus);
}
template <typename Visit>
void visit_weights(const op::GatedDeltaRule& operation, const Visit& visit) {
  visit(operation.a);
}
template <typename Visit>
void visit_weights(const op::HeadBonus& operation, const Visit& visit) {
  visit(operation.weight);
}

// Its error names the fine-tune, so that only texts of that one need to end.
HeldWeight found(WeightVersions& versions, const Tensor& weight) {
  try {
    return versions.find(weight);
  } catch (const Error& error) {
    throw VersionFailed(versions.number(), error.code(), error.what());
  } catch (const std::bad_alloc&) {
    throw VersionFailed(
        versions.number(), ErrorCode::out_of_memory,
        "fine-tune: no memory for its weights; limit that of fine-tunes (--delta-memory-mib), or serve fewer");
  }
}

}  // namespace

void VariantKernels::set_rows(std::span<const VariantRows> rows) {
  rows_.assign(rows.begin(), rows.end());
  n_rows_ = 0;
  for (const VariantRows& some : rows) n_rows_ += some.n_rows;
  is_plain_ = std::ranges::all_of(rows, [](const VariantRows& some) { return some.versions == nullptr; });
}

// The rows of a result are those that were gathered.
void VariantKernels::gather(const op::GatherRows& operation) {
  inner_.run(operation);
  if (operation.x.dim(0) != n_rows_) return;  // of a table
  std::vector<VariantRows> gathered;
  size_t index = 0;
  int64_t begin = 0;  // of rows_[index]
  for (const int32_t row : operation.rows) {
    if (row < begin) index = 0, begin = 0;
    while (row >= begin + rows_[index].n_rows) begin += rows_[index++].n_rows;
    if (gathered.empty() || gathered.back().versions != rows_[index].versions)
      gathered.push_back({.versions = rows_[index].versions});
    ++gathered.back().n_rows;
  }
  set_rows(gathered);
}

bool VariantKernels::is_replaced(const Tensor& weight) const {
  if (weight.empty()) return false;
  return std::ranges::any_of(
      rows_, [&](const VariantRows& some) { return some.versions != nullptr && some.versions->replaces(weight); });
}

// Neighbours that have the same versions of all `weights` share a stretch: reading a weight once serves both.
void VariantKernels::find_stretches(std::span<const Tensor> weights) {
  stretches_.clear();
  int64_t begin = 0;
  for (const VariantRows& some : rows_) {
    const bool is_own = some.versions != nullptr && std::ranges::any_of(weights, [&](const Tensor& weight) {
                          return some.versions->replaces(weight);
                        });
    WeightVersions* const versions = is_own ? some.versions : nullptr;
    if (stretches_.empty() || stretches_.back().versions != versions)
      stretches_.push_back({.begin = begin, .end = begin, .versions = versions});
    stretches_.back().end = begin += some.n_rows;
  }
}

Tensor VariantKernels::own(const Tensor& weight, const Stretch& stretch) {
  if (weight.empty() || stretch.versions == nullptr || !stretch.versions->replaces(weight)) return weight;
  return held_.emplace_back(found(*stretch.versions, weight)).tensor;
}

std::span<const Tensor> VariantKernels::own_all(std::span<const Tensor> weights, const Stretch& stretch,
                                                std::vector<Tensor>& memory) {
  memory.clear();
  for (const Tensor& weight : weights) memory.push_back(own(weight, stretch));
  return memory;
}

// The stretch of a tensor that has as many rows as the batch, or as many for each of its rows.
Tensor VariantKernels::cut(const Tensor& rows, const Stretch& stretch) const {
  if (rows.dim(0) % n_rows_ != 0)
    throw Error(ErrorCode::internal, "fine-tunes: an operation over " + std::to_string(rows.dim(0)) +
                                         " rows of a batch of " + std::to_string(n_rows_) + "; please report this");
  const int64_t each = rows.dim(0) / n_rows_;
  return rows.slice(0, stretch.begin * each, stretch.end * each);
}

std::span<const Tensor> VariantKernels::cut_all(std::span<const Tensor> all, const Stretch& stretch,
                                                std::vector<Tensor>& memory) const {
  memory.clear();
  for (const Tensor& rows : all) memory.push_back(cut(rows, stretch));
  return memory;
}

std::span<const StateRun> VariantKernels::cut_runs(std::span<const StateRun> runs, const Stretch& stretch) {
  runs_.clear();
  for (StateRun run : runs) {
    if (run.first_row < stretch.begin || run.first_row >= stretch.end) continue;
    run.first_row -= stretch.begin;
    runs_.push_back(run);
  }
  return runs_;
}

op::Embed VariantKernels::part(const op::Embed& all, const Stretch& stretch) {
  const auto begin = static_cast<size_t>(stretch.begin), end = static_cast<size_t>(stretch.end);
  return {own(all.table, stretch), all.ids.subspan(begin, end - begin), all.scale, cut(all.out, stretch)};
}

op::RmsNorm VariantKernels::part(const op::RmsNorm& all, const Stretch& stretch) {
  return {cut(all.x, stretch), own(all.weight, stretch), all.eps, cut(all.out, stretch), all.n_groups};
}

op::LayerNorm VariantKernels::part(const op::LayerNorm& all, const Stretch& stretch) {
  return {cut(all.x, stretch), own(all.weight, stretch), own(all.bias, stretch), all.eps, cut(all.out, stretch),
          all.n_groups};
}

op::L2Norm VariantKernels::part(const op::L2Norm& all, const Stretch& stretch) {
  return {cut(all.x, stretch), own(all.weight, stretch), all.eps, cut(all.out, stretch), all.n_groups};
}

op::Matmul VariantKernels::part(const op::Matmul& all, const Stretch& stretch) {
  return {cut_all(all.xs, stretch, xs_), own_all(all.weights, stretch, versions_), cut_all(all.outs, stretch, outs_)};
}

op::Project VariantKernels::part(const op::Project& all, const Stretch& stretch) {
  return {cut(all.x, stretch), own_all(all.weights, stretch, versions_), own_all(all.biases, stretch, biases_),
          all.activation, cut_all(all.outs, stretch, outs_)};
}

op::Scores VariantKernels::part(const op::Scores& all, const Stretch& stretch) {
  return {cut(all.x, stretch), own(all.weight, stretch), all.reach, cut(all.out, stretch)};
}

op::AddRow VariantKernels::part(const op::AddRow& all, const Stretch& stretch) {
  return {cut(all.x, stretch), own(all.row, stretch), cut(all.out, stretch)};
}

op::Attention VariantKernels::part(const op::Attention& all, const Stretch& stretch) {
  AttentionOptions options = all.options;
  options.sinks = own(options.sinks, stretch);
  options.distance_bias = own(options.distance_bias, stretch);
  return {cut(all.q, stretch),  cut(all.k, stretch), cut(all.v, stretch), cut_runs(all.runs, stretch), options,
          cut(all.out, stretch)};
}

op::ExpertMatmul VariantKernels::part(const op::ExpertMatmul& all, const Stretch& stretch) {
  return {cut(all.x, stretch), cut(all.ids, stretch), own_all(all.experts, stretch, versions_),
          own_all(all.biases, stretch, biases_), cut(all.out, stretch)};
}

op::Lerp VariantKernels::part(const op::Lerp& all, const Stretch& stretch) {
  versions_.clear();
  for (const Tensor& share : all.shares)
    versions_.push_back(is_weight(share) ? own(share, stretch) : cut(share, stretch));
  return {cut(all.x, stretch), cut(all.y, stretch), versions_, cut_all(all.outs, stretch, outs_)};
}

op::CausalConv VariantKernels::part(const op::CausalConv& all, const Stretch& stretch) {
  return {cut(all.x, stretch),  own(all.weight, stretch), own(all.bias, stretch), cut_runs(all.runs, stretch), all.part,
          cut(all.out, stretch)};
}

op::SelectiveScan VariantKernels::part(const op::SelectiveScan& all, const Stretch& stretch) {
  op::SelectiveScan cut_scan = all;
  for (Tensor* const rows : {&cut_scan.x, &cut_scan.step, &cut_scan.b, &cut_scan.c, &cut_scan.out})
    *rows = cut(*rows, stretch);
  cut_scan.a = own(all.a, stretch);
  cut_scan.skip = own(all.skip, stretch);
  cut_scan.runs = cut_runs(all.runs, stretch);
  return cut_scan;
}

op::Wkv4 VariantKernels::part(const op::Wkv4& all, const Stretch& stretch) {
  return {cut(all.k, stretch),     cut(all.v, stretch),         own(all.decay, stretch),
          own(all.bonus, stretch), cut_runs(all.runs, stretch), all.part,
          cut(all.out, stretch)};
}

op::Wkv VariantKernels::part(const op::Wkv& all, const Stretch& stretch) {
  op::Wkv cut_wkv = all;
  for (Tensor* const rows : {&cut_wkv.r, &cut_wkv.k, &cut_wkv.v, &cut_wkv.out}) *rows = cut(*rows, stretch);
  cut_wkv.decay = is_weight(all.decay) ? own(all.decay, stretch) : cut(all.decay, stretch);
  cut_wkv.bonus = own(all.bonus, stretch);
  cut_wkv.runs = cut_runs(all.runs, stretch);
  return cut_wkv;
}

op::GatedDeltaRule VariantKernels::part(const op::GatedDeltaRule& all, const Stretch& stretch) {
  op::GatedDeltaRule cut_rule = all;
  for (Tensor* const rows : {&cut_rule.q, &cut_rule.k, &cut_rule.v, &cut_rule.step, &cut_rule.rate, &cut_rule.out})
    *rows = cut(*rows, stretch);
  cut_rule.a = own(all.a, stretch);
  cut_rule.runs = cut_runs(all.runs, stretch);
  return cut_rule;
}

op::HeadBonus VariantKernels::part(const op::HeadBonus& all, const Stretch& stretch) {
  return {cut(all.x, stretch),      cut(all.r, stretch), cut(all.k, stretch),  cut(all.v, stretch),
          own(all.weight, stretch), all.n_heads,         cut(all.out, stretch)};
}

template <typename Op>
void VariantKernels::run_split(const Op& operation) {
  weights_.clear();
  visit_weights(operation, [&](const Tensor& weight) {
    if (is_replaced(weight)) weights_.push_back(weight);
  });
  if (weights_.empty()) return inner_.run(operation);
  if constexpr (requires(const Stretch& stretch) { part(operation, stretch); }) {
    find_stretches(weights_);
    for (const Stretch& stretch : stretches_) {
      inner_.run(part(operation, stretch));
      held_.clear();
    }
  }
}

// Products by weights that nobody replaces stay together over all rows; the others are split.
void VariantKernels::run_matmul(const op::Matmul& operation) {
  weights_.clear();
  common_xs_.clear(), common_weights_.clear(), common_outs_.clear();
  std::vector<Tensor> xs, outs;
  for (size_t j = 0; j < operation.weights.size(); ++j) {
    const bool is_split = is_replaced(operation.weights[j]);
    (is_split ? xs : common_xs_).push_back(operation.x(j));
    (is_split ? weights_ : common_weights_).push_back(operation.weights[j]);
    (is_split ? outs : common_outs_).push_back(operation.outs[j]);
  }
  if (weights_.empty()) return inner_.run(operation);
  const auto inputs = [&](const std::vector<Tensor>& all) {
    return std::span(all).first(operation.xs.size() == 1 ? 1 : all.size());
  };
  if (!common_weights_.empty()) inner_.run(op::Matmul{inputs(common_xs_), common_weights_, common_outs_});
  find_stretches(weights_);
  const op::Matmul split{inputs(xs), weights_, outs};
  for (const Stretch& stretch : stretches_) {
    inner_.run(part(split, stretch));
    held_.clear();
  }
}

void VariantKernels::run(const Operation& operation) {
  if (is_plain_) return inner_.run(operation);
  std::visit(
      [this](const auto& one) {
        using Op = std::decay_t<decltype(one)>;
        if constexpr (std::is_same_v<Op, op::GatherRows>) {
          gather(one);
        } else if constexpr (std::is_same_v<Op, op::Matmul>) {
          run_matmul(one);
        } else {
          run_split(one);
        }
      },
      operation);
}

}  // namespace tidemill
