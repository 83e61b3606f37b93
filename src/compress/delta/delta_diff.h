// What changed between two models, tensor by tensor.
#pragma once

#include <vector>

#include "compress/delta/delta_work.h"
#include "compress/delta/model_files.h"
#include "tidemill/delta.h"

namespace tidemill {

// In the order of the fine-tune.  Memory does not grow with the models.  Throws bad_file for damaged models, cancelled.
std::vector<TensorChange> changes_of_models(const ModelFiles& base, const ModelFiles& tuned, const DeltaWork& work);

}  // namespace tidemill
