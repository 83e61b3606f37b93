#include "models/model.h"

#include <algorithm>
#include <charconv>

#include "models/file_form.h"

namespace tidemill {

FileForm Model::form_in(const FileTarget& target) const {
  throw Error(ErrorCode::unsupported, target.path + ": models of the architecture " + config_.architecture +
                                          " are not written as " + (target.is_gguf() ? "GGUF" : "folders") +
                                          "; write a .tmill, which holds every model");
}

Tensor Model::step(Ops& ops, const Batch& batch, int64_t, const Tensor&) const {
  return forward(ops, batch);
}

bool Model::reads_in_step(std::string_view name, WeightRole role, int64_t index) const {
  const int64_t last = n_steps() - 1;
  int64_t layer = 0;
  if (name.starts_with("blk.")) {
    std::from_chars(name.data() + 4, name.data() + name.size(), layer);
    return index == std::min(layer, last);
  }
  if (role == WeightRole::tied_head) return index == 0 || index == last;
  return index == (name.starts_with("output") ? last : 0);
}

void Model::use_as_encoder() {
  if (!config_.is_encoder && state_spec().is_recurrent())
    throw Error(ErrorCode::unsupported, config_.architecture +
                                            ": has recurrent layers, which make no vectors of texts; use a model whose "
                                            "layers all have attention");
  config_.is_encoder = true;
}

void Model::visit_params(const Visitor& visit) {
  list_params([&](const Parameter& parameter) {
    if (!parameter.tensor->empty()) visit(parameter.name, *parameter.tensor, parameter.role);
  });
}

}  // namespace tidemill
