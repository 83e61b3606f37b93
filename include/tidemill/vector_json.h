// Vectors as JSON: with as many digits as a float needs to come back unchanged.
#pragma once

#include <span>
#include <string>

namespace tidemill {

// "[0.25,-1]"; null for NaN and infinities, which JSON does not have.
std::string vector_json(std::span<const float> values);
// One of its numbers.
std::string number_json(float value);

}  // namespace tidemill
