// Whether all numbers of a file are numbers.
#pragma once

#include "formats/weights.h"

namespace tidemill {

// Throws bad_file, naming the first tensor, row and column that is NaN or infinite.  Reads everything once.
void check_weights(const Weights& weights);

}  // namespace tidemill
