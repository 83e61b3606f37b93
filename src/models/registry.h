// The architectures this build knows, and how each is made from a file.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "formats/gguf.h"
#include "models/model.h"

namespace tidemill {

// Builds the model that `file` describes.  Its weights are views of the file until a backend adopts them, so `file`
// must live until then.  Throws unsupported for an unknown architecture, bad_file when tensors and configuration
// disagree.
std::unique_ptr<Model> make_model(const GgufFile& file);

// Names of all architectures, in the order of the table.
std::vector<std::string_view> architecture_names();

}  // namespace tidemill
