#include "models/model.h"

#include "models/file_form.h"

namespace tidemill {

FileForm Model::form_in(const FileTarget& target) const {
  throw Error(ErrorCode::unsupported, target.path + ": models of the architecture " + config_.architecture +
                                          " are not written as " + (target.is_gguf() ? "GGUF" : "folders") +
                                          "; write a .tmill, which holds every model");
}

void Model::visit_params(const Visitor& visit) {
  list_params([&](const Parameter& parameter) {
    if (!parameter.tensor->empty()) visit(parameter.name, *parameter.tensor, parameter.role);
  });
}

}  // namespace tidemill
