#include "api/group_folder.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "api/convert_folder.h"
#include "api/written_source.h"

namespace tidemill {
namespace {

constexpr std::string_view kWeight = ".weight";
// What the quantised outputs are too few for, or choose by: our names.
constexpr std::string_view kRouters[] = {".ffn_gate_inp.", ".ffn_gate_inp_shexp."};

std::string module_of(const std::string& name) {
  return name.substr(0, name.size() - kWeight.size());
}

std::map<std::string, WeightRole> roles_of(Model& model) {
  std::map<std::string, WeightRole> roles;
  model.visit_params([&](std::string_view name, Tensor&, WeightRole role) { roles[std::string(name)] = role; });
  return roles;
}

int64_t n_rows_of(const WrittenTensor& tensor) {
  int64_t n_rows = 0;
  for (const WrittenPart& part : tensor.parts) n_rows += part.weight.dim(0);
  return n_rows;
}

// Rows of `part`, in their places of `whole`.
void put_rows(const WrittenPart& place, const GroupQuantized& part, GroupQuantized& whole) {
  const int64_t n_groups = part.n_groups();
  for (int64_t row = 0; row < part.n_rows; ++row) {
    const int64_t target = place.row_in_tensor(row);
    std::copy_n(part.q.begin() + row * part.n_cols, part.n_cols, whole.q.begin() + target * part.n_cols);
    std::copy_n(part.scales.begin() + row * n_groups, n_groups, whole.scales.begin() + target * n_groups);
    std::copy_n(part.zeros.begin() + row * n_groups, n_groups, whole.zeros.begin() + target * n_groups);
  }
}

}  // namespace

GroupFolder::GroupFolder(const ModelFile& file, Model& model, const GroupFolderFormat& format, const std::string& out)
    : file_(file), format_(format), target_{FileKind::folder, out}, form_(model.form_in(target_)), codes_(out) {
  if (!has_group_bits(format.format, format.kind.bits))
    throw Error(ErrorCode::invalid_argument, "--bits: " + std::to_string(format.kind.bits) +
                                                 " are not in this format; AWQ has 4, GPTQ 2, 3, 4 and 8, "
                                                 "compressed-tensors 2 to 8");
  const auto roles = roles_of(model);
  for (WrittenTensor& tensor : written_weights(model, form_, target_)) {
    const bool is_held = this->is_held(tensor, roles);
    const WeightRole role = roles.at(tensor.parts[0].name);
    const bool is_linear = role == WeightRole::matrix || role == WeightRole::head;
    if (!is_held && is_linear && tensor.name.ends_with(kWeight)) plain_.push_back(module_of(tensor.name));
    if (!is_held) continue;
    const std::string name = tensor.name;
    for (const WrittenPart& part : tensor.parts) places_[part.name] = name;
    joined_.emplace(name, Joined{std::move(tensor)});
  }
  // A tied head is no tensor of its own, but a module.
  if (std::ranges::find(plain_, "lm_head") == plain_.end() && !joined_.contains("lm_head.weight"))
    plain_.emplace_back("lm_head");
  if (joined_.empty())
    throw Error(ErrorCode::unsupported,
                out + ": no matrix of this model has whole groups of " + std::to_string(format.kind.group_size) +
                    " inputs and fills words; give another --group-size, or write a GGUF or a .tmill");
}

bool GroupFolder::is_held(const WrittenTensor& tensor, const std::map<std::string, WeightRole>& roles) const {
  const WrittenPart& first = tensor.parts[0];
  const WeightRole role = roles.at(first.name);
  const bool is_linear = role == WeightRole::matrix || (role == WeightRole::head && format_.format != GroupFormat::awq);
  const bool is_router = std::ranges::any_of(
      kRouters, [&](std::string_view router) { return first.name.find(router) != std::string::npos; });
  return is_linear && !is_router && tensor.change == Change::none && tensor.shape.rank() == 2 &&
         tensor.name.ends_with(kWeight) &&
         group_misfit(format_.format, format_.kind, n_rows_of(tensor), first.weight.dim(1)).empty();
}

void GroupFolder::add(const std::string& name, GroupQuantized codes) {
  is_reordered_ = is_reordered_ || !codes.g_idx.empty();
  Joined& joined = joined_.at(places_.at(name));
  joined.parts.emplace(name, std::move(codes));
  if (joined.parts.size() == joined.tensor.parts.size()) pack(joined);
}

void GroupFolder::pack(Joined& joined) {
  const GroupQuantized& first = joined.parts.begin()->second;
  GroupQuantized whole{.n_rows = n_rows_of(joined.tensor),
                       .n_cols = first.n_cols,
                       .bits = first.bits,
                       .group_size = first.group_size,
                       .g_idx = first.g_idx};  // parts that read the same inputs have the same
  whole.q.resize(static_cast<size_t>(whole.n_rows * whole.n_cols));
  whole.scales.resize(static_cast<size_t>(whole.n_rows * whole.n_groups()));
  whole.zeros.resize(whole.scales.size());
  for (const WrittenPart& part : joined.tensor.parts) put_rows(part, joined.parts.at(part.name), whole);
  joined.parts.clear();
  joined.packed = group_tensors(module_of(joined.tensor.name), whole, format_.format, format_.kind);
  for (GroupTensor& tensor : joined.packed) {
    joined.bytes.push_back(codes_.keep(tensor.bytes));
    tensor.bytes = {};
  }
}

ConvertReport GroupFolder::write(const ConvertOptions& options, std::unique_ptr<Model> model) {
  FolderWeights weights{.form = form_};
  for (const WrittenTensor& tensor : written_weights(*model, form_, target_)) {
    const auto found = joined_.find(tensor.name);
    if (found == joined_.end()) {
      const DType dtype = tensor.is_matrix && safetensors_type(tensor.dtype) != nullptr ? tensor.dtype : DType::f32;
      weights.tensors.push_back(
          {safetensor_spec(tensor.name, dtype, tensor.shape), written_source(file_.weights(), tensor, dtype)});
      continue;
    }
    const Joined& joined = found->second;
    for (size_t i = 0; i < joined.packed.size(); ++i) {
      const GroupTensor& part = joined.packed[i];
      weights.tensors.push_back({safetensor_spec(part.name, part.dtype, part.shape), {.bytes = joined.bytes[i]}});
    }
  }
  weights.quantization = group_config(format_.format, format_.kind, plain_, is_reordered_);
  return write_folder(file_, target_.path, options, weights, std::move(model));
}

}  // namespace tidemill
