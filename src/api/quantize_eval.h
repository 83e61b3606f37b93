// What quantising has done to a model's answers.
#pragma once

#include <functional>
#include <string>

#include "tidemill/quantize.h"

namespace tidemill {

// Lets both models, files or names in the store, read `text` in float32.  Throws what loading throws, invalid_argument
// for a text that is too short.  `on_progress` may throw, which ends it.
QuantizeLoss compare_models(const std::string& original, const std::string& quantised, const std::string& text,
                            int threads, const std::function<void(double share)>& on_progress);

}  // namespace tidemill
