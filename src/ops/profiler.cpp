#include "ops/profiler.h"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>

#include "ops/work.h"
#include "tidemill/stopwatch.h"

namespace tidemill {
namespace {

constexpr std::string_view kLayerPrefix = "blk.", kSuffix = ".weight";

// "attn_q" of "blk.0.attn_q.weight".
std::string_view without_layer(std::string_view name) {
  if (name.starts_with(kLayerPrefix)) {
    name.remove_prefix(kLayerPrefix.size());
    name.remove_prefix(std::min(name.size(), name.find('.') + 1));
  }
  if (name.ends_with(kSuffix)) name.remove_suffix(kSuffix.size());
  return name;
}

// "ffn_gate" of "ffn_gate.17": experts are not told apart either.
std::string_view without_number(std::string_view name) {
  const size_t dot = name.rfind('.');
  const bool is_number = dot != std::string_view::npos && dot + 1 < name.size() &&
                         name.find_first_not_of("0123456789", dot + 1) == std::string_view::npos;
  return is_number ? name.substr(0, dot) : name;
}

void append(std::string& list, std::string_view word) {
  if (!list.empty()) list += '+';
  list += word;
}

}  // namespace

double ProfileRow::least_seconds(const Roofs& roofs) const {
  const double computing =
      static_cast<double>(int8_operations) / roofs.int8_op_s + static_cast<double>(f32_operations) / roofs.f32_op_s;
  return std::max(computing, static_cast<double>(bytes_read + bytes_written) / roofs.read_bytes_s);
}

void ProfiledKernels::remember(const Tensor& weight, std::string_view name) {
  names_[weight.data()] = without_number(without_layer(name));
}

ProfileRow& ProfiledKernels::row_named(ProfileRow named) {
  const auto found = std::find_if(rows_.begin(), rows_.end(), [&](const ProfileRow& row) {
    return row.operation == named.operation && row.weights == named.weights && row.dtypes == named.dtypes;
  });
  return found != rows_.end() ? *found : rows_.emplace_back(std::move(named));
}

ProfileRow& ProfiledKernels::row_of_weights(std::string_view kind, std::span<const Tensor> weights) {
  const auto known = rows_of_weights_.find(weights.front().data());
  if (known != rows_of_weights_.end()) return rows_[known->second];
  ProfileRow named{.operation = std::string(kind)};
  for (const Tensor& weight : weights) {
    const auto name = names_.find(weight.data());
    append(named.weights, name == names_.end() ? "?" : name->second);
    append(named.dtypes, info(weight.dtype()).name);
  }
  ProfileRow& row = row_named(std::move(named));
  rows_of_weights_[weights.front().data()] = static_cast<size_t>(&row - rows_.data());
  return row;
}

ProfileRow& ProfiledKernels::row_of(const Operation& operation) {
  return std::visit(
      [this](const auto& one) -> ProfileRow& {
        using Op = std::decay_t<decltype(one)>;
        if constexpr (std::is_same_v<Op, op::Matmul>) return row_of_weights(Op::kName, one.weights);
        if constexpr (std::is_same_v<Op, op::Project>) return row_of_weights(Op::kName, one.weights);
        if constexpr (std::is_same_v<Op, op::Scores>) return row_of_weights(Op::kName, {&one.weight, 1});
        if constexpr (std::is_same_v<Op, op::ExpertMatmul>) return row_of_weights(Op::kName, one.experts.first(1));
        return row_named({.operation = std::string(Op::kName)});
      },
      operation);
}

void ProfiledKernels::run(const Operation& operation) {
  const Work work = work_of(operation);
  const Stopwatch stopwatch;
  inner_.run(operation);
  const double seconds = stopwatch.seconds();
  const std::lock_guard lock(mutex_);
  ProfileRow& row = row_of(operation);
  row.seconds += seconds;
  ++row.n_calls;
  row.bytes_read += work.bytes_read;
  row.bytes_written += work.bytes_written;
  (precision_ != Precision::f32 ? row.int8_operations : row.f32_operations) += work.block_operations;
  row.f32_operations += work.float_operations;
}

Profile ProfiledKernels::take() {
  const std::lock_guard lock(mutex_);
  rows_of_weights_.clear();
  Profile taken = std::exchange(rows_, {});
  std::sort(taken.begin(), taken.end(), [](const ProfileRow& a, const ProfileRow& b) { return a.seconds > b.seconds; });
  return taken;
}

}  // namespace tidemill
