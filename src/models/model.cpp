#include "models/model.h"

namespace tidemill {

void Model::visit_params(const Visitor& visit) {
  list_params([&](const Parameter& parameter) {
    if (!parameter.tensor->empty()) visit(parameter.name, *parameter.tensor, parameter.role);
  });
}

}  // namespace tidemill
