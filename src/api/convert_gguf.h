// A model of any format as a GGUF.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/model_file.h"
#include "models/model.h"
#include "tidemill/convert.h"

namespace tidemill {

// See convert_model.  With `options.dtype` matrices become that, but for those that llama.cpp wants in f32.
// `model`, where given, is the one that `file` describes, with weights that may be others: they are written as they
// are, but those that llama.cpp wants in f32.
ConvertReport write_gguf(const ModelFile& file, const std::string& out, const ConvertOptions& options,
                         std::unique_ptr<Model> model = nullptr);

// Whether llama.cpp's operations want that tensor in f32, whatever the others are.
bool is_f32_in_gguf(std::string_view name);

}  // namespace tidemill
