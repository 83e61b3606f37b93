// One vector for a text that was too long for the model, from those of its parts.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tidemill/embedder.h"

namespace tidemill {

// parts: vectors of one length, at least one, in the order of the text; n_tokens: how many tokens each part has.
// `how` is none of cut.  The result is not scaled.
std::vector<float> joined_vector(LongText how, std::span<const std::vector<float>> parts,
                                 std::span<const int64_t> n_tokens);

}  // namespace tidemill
