#include "formats/group_weights.h"

#include <algorithm>
#include <utility>

#include "formats/group_reader.h"
#include "tensor/group_blocks.h"

namespace tidemill {
namespace {

constexpr std::string_view kWeight = ".weight";

}  // namespace

GroupWeights::GroupWeights(std::unique_ptr<Weights> stored, GroupScheme scheme)
    : stored_(std::move(stored)), scheme_(std::move(scheme)) {
  const std::string_view codes = group_suffixes(scheme_.format).codes;
  for (const std::string& name : stored_->names()) {
    if (!name.ends_with(codes)) continue;
    const std::string prefix = name.substr(0, name.size() - codes.size());
    prefixes_.emplace(prefix + std::string(kWeight), prefix);
  }
}

// Whether the tensor belongs to a matrix in groups, its codes excepted.
bool GroupWeights::is_part(std::string_view name) const {
  const GroupSuffixes& suffixes = group_suffixes(scheme_.format);
  for (const std::string_view suffix : suffixes.all()) {
    if (!name.ends_with(suffix) || suffix == suffixes.codes) continue;
    const std::string_view prefix = name.substr(0, name.size() - suffix.size());
    if (prefixes_.contains(std::string(prefix) + std::string(kWeight))) return true;
  }
  return false;
}

std::vector<std::string> GroupWeights::names() const {
  const std::string_view codes = group_suffixes(scheme_.format).codes;
  std::vector<std::string> result;
  for (std::string& name : stored_->names()) {
    if (name.ends_with(codes)) {
      result.push_back(name.substr(0, name.size() - codes.size()) + std::string(kWeight));
    } else if (!is_part(name)) {
      result.push_back(std::move(name));
    }
  }
  return result;
}

std::optional<Tensor> GroupWeights::find(std::string_view name) const {
  const auto prefix = prefixes_.find(name);
  if (prefix == prefixes_.end()) return stored_->find(name);
  const std::lock_guard lock(mutex_);
  const auto made = made_.find(name);
  return made != made_.end() ? made->second.tensor : make(prefix->first, prefix->second);
}

Tensor GroupWeights::make(const std::string& name, const std::string& prefix) const {
  GroupQuantized matrix = read_group_quantized(*stored_, prefix, scheme_);
  std::vector<int32_t> order = put_in_order(matrix);
  const DType dtype = group_dtype(matrix, !order.empty());
  const Shape shape{matrix.n_rows, matrix.n_cols};
  Storage memory(size_bytes(dtype, shape));
  make_group_rows(matrix, dtype, memory.data());
  Made& made = made_[name];
  made.column_order = std::move(order);
  made.tensor = Tensor(memory.data(), dtype, shape)
                    .with_column_order(made.column_order.empty() ? nullptr : made.column_order.data());
  made.memory = std::move(memory);
  for (const std::string_view suffix : group_suffixes(scheme_.format).all())
    if (const auto part = stored_->find(prefix + std::string(suffix))) stored_->release(*part);
  return made.tensor;
}

// What was made stays until it is dropped: other views may be read yet.
void GroupWeights::release(const Tensor& tensor) const {
  stored_->release(tensor);
}

void GroupWeights::drop(const Tensor& tensor) const {
  const std::lock_guard lock(mutex_);
  const auto* const at = tensor.as<std::byte>();
  const auto holds = [at](const auto& one) {
    const Storage& memory = one.second.memory;
    return at >= memory.data() && at < memory.data() + memory.size_bytes();
  };
  const auto found = std::ranges::find_if(made_, holds);
  if (found == made_.end()) return;
  found->second.n_dropped += tensor.size_bytes();
  if (found->second.n_dropped >= found->second.memory.size_bytes()) made_.erase(found);
}

std::unique_ptr<Weights> with_groups(std::unique_ptr<Weights> weights, const nlohmann::json& config,
                                     const std::string& config_path) {
  auto scheme = group_scheme(config, config_path);
  if (!scheme) return weights;
  return std::make_unique<GroupWeights>(std::move(weights), *std::move(scheme));
}

}  // namespace tidemill
