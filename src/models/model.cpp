#include "models/model.h"

#include "models/file_form.h"

namespace tidemill {

FileForm Model::form_in(const FileTarget& target) const {
  throw Error(ErrorCode::unsupported, target.path + ": models of the architecture " + config_.architecture +
                                          " are not written as " + (target.is_gguf() ? "GGUF" : "folders") +
                                          "; write a .tmill, which holds every model");
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
