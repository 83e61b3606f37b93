// Scales for numbers that share one: which, of those tried, loses least when the numbers become codes.
//
// The search is that of ggml's quantisers (candidates around the scale that just holds the greatest number, each
// followed by the least squares solution for the codes that it gives) over a range that grows as codes become fewer,
// for then cutting off the greatest numbers pays.  Everything here is compiled once for each instruction set.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compress/quantize/levels.h"
#include "compress/quantize/matrix_source.h"

namespace tidemill {

// A number is scale * level + base.
struct ScaleFit {
  float scale = 0;
  float base = 0;
};

enum class ScaleSearch : uint8_t {
  plain,       // holds all numbers: round-to-nearest as it is usually meant
  least_error  // the least sum of importance * error^2 among candidates
};

// How many numbers a fit takes: whole vectors of every instruction set.  What is shorter is filled up with numbers of
// importance zero.
inline constexpr int64_t kFitUnit = 16;

// The first `n` numbers of a row that goes on, as a fit takes them: in `copy` where they are no whole vectors.
std::span<const float> whole_vectors(std::span<const float> row, int64_t n, std::vector<float>& copy);

// Below, `values` and `importance` (none negative) have the same size, a multiple of kFitUnit.  All numbers are finite.

// base is 0.  The scale is negative where the greatest number is best put on the first level.
ScaleFit fit_symmetric(std::span<const float> values, std::span<const float> importance, const Levels& levels,
                       ScaleSearch search);

// scale >= 0 >= base.  `levels` are 0 to n_codes - 1.
ScaleFit fit_affine(std::span<const float> values, std::span<const float> importance, const Levels& levels,
                    ScaleSearch search);

// base = -scale * zero for a whole `zero`, 0 to n_codes - 1, and scale > 0 unless all numbers are 0; `levels` as above.
// Scales are f16 numbers.
ScaleFit fit_zero_point(std::span<const float> values, std::span<const float> importance, const Levels& levels,
                        ScaleSearch search);

// The sum of importance * error^2 when each number becomes the nearest level.
float rounding_error(std::span<const float> values, std::span<const float> importance, const Levels& levels,
                     const ScaleFit& fit);

// The level nearest to each number; importance * error^2 and importance * number^2 of all of them.
ErrorSums nearest_levels(std::span<const float> values, std::span<const float> importance, const Levels& levels,
                         const ScaleFit& fit, float* found);

}  // namespace tidemill
