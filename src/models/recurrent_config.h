// What configurations of recurrent models have in common.
#pragma once

#include <cstdint>
#include <string_view>

#include "models/gguf_config.h"
#include "models/json_config.h"
#include "models/limits.h"
#include "models/model.h"

namespace tidemill {

inline constexpr int64_t kMaxKernel = 1024;        // positions that a convolution sees
inline constexpr int64_t kMaxStateSize = 1 << 12;  // numbers that each channel keeps

// A recurrent state has no end; so many positions are what llama.cpp's converters write too.
inline constexpr int64_t kRecurrentContext = 1 << 20;

// The sizes that every model has.  Throws bad_file naming the field that is missing or does not make sense.
ModelConfig recurrent_model(const JsonConfig& get, std::string_view architecture);
// The number of rows of the embedding is the size of the vocabulary.
ModelConfig recurrent_model(const GgufConfig& get, std::string_view architecture);

}  // namespace tidemill
