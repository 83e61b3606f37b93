// Rows of quantised activations times halved panels (tensor/panels.h): whole, as the plain kernel computes it, or
// for one row, bounded from above by the high halves alone, at little more than half the bytes.
#pragma once

#include <cstdint>

#include "backends/cpu/activations.h"
#include "backends/cpu/task.h"

namespace tidemill {

// What `gemv` does, bit for bit.
void gemv_halved(const Product& product, int64_t begin, int64_t end, const QuantizedRows& x, int64_t n_x,
                 const ActivationTerm* terms);

// What a bound needs of each group of the activations.
struct BoundTerm {
  float scale;    // half of the group's
  int32_t start;  // what codes in the middle of their halves are higher than the weights, doubled
  float reach;    // how far from the middle the low halves may take a product, for a weight's scale of 1
};

// The bound terms of row 0 of x, one for each group.  False when no bound can be given: x holds NaN, infinity or
// numbers so large that sums might overflow.
bool make_bound_terms(const QuantizedRows& x, BoundTerm* terms);

// The panels among [begin, end), at most 32, of which a row may have a product of `limit` or more: bit p is panel
// begin + p.  Products of all other panels, as gemv_halved rounds them, are less.  Reads high halves only.
uint32_t panels_within(const Product& product, int64_t begin, int64_t end, const QuantizedRows& x,
                       const BoundTerm* terms, float limit);

}  // namespace tidemill
