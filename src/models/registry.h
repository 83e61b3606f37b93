// The architectures this build knows, and how each is made from a file.
#pragma once

#include <memory>
#include <vector>

#include "models/model.h"
#include "models/source.h"
#include "tidemill/model_info.h"

namespace tidemill {

// Builds the model that `source` describes.  Its weights are views of the file until a backend adopts them, so the file
// must live until then.  Throws unsupported for an unknown architecture, bad_file when tensors and configuration
// disagree.
std::unique_ptr<Model> make_model(const ModelSource& source);

}  // namespace tidemill
