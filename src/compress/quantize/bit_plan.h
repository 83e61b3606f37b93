// Which of several formats each matrix gets, so that a model loses least at a total size.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tidemill {

struct FormatChoice {
  int64_t bytes = 0;
  double loss = 0;  // what the model is expected to lose by this matrix alone; losses add up
};

// The index of a choice for each matrix, which all have at least one: those whose losses sum to the least that was
// found within `budget` bytes.  First by the method of Lagrange (Shoham and Gersho 1988), which finds the convex hull,
// then what is left of the budget goes where it gains most.  All smallest choices when even they do not fit.
std::vector<size_t> plan_formats(std::span<const std::vector<FormatChoice>> matrices, int64_t budget);

}  // namespace tidemill
