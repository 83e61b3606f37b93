// The sum of the products of two vectors, on this thread.
#pragma once

#include <cstdint>

namespace tidemill {

// In eight sums side by side of a vector's lanes each, joined in a fixed order for an instruction set.
float dot(const float* a, const float* b, int64_t n);
double dot(const double* a, const double* b, int64_t n);

}  // namespace tidemill
