#include "models/model.h"

#include "models/file_form.h"

namespace tidemill {

FileForm Model::form_in(const FileTarget& target) const {
  target.fail("its architecture is " + config_.architecture);
}

void Model::visit_params(const Visitor& visit) {
  list_params([&](const Parameter& parameter) {
    if (!parameter.tensor->empty()) visit(parameter.name, *parameter.tensor, parameter.role);
  });
}

}  // namespace tidemill
