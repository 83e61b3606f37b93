// One vector for a text in parts, known after each of them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tidemill/embedder.h"

namespace tidemill {

class RunningVector {
 public:
  // `how` is none of cut.
  explicit RunningVector(LongText how) : how_(how) {}

  // Adds the next part's vector, which has as many elements as those before.
  void add(std::span<const float> vector, int64_t n_tokens);
  // Of all parts so far, at least one; not scaled.
  std::vector<float> value() const;

 private:
  LongText how_;
  std::vector<double> sums_;     // of weighted elements
  std::vector<float> greatest_;  // for LongText::max
  double total_ = 0;             // of the weights
  int64_t n_parts_ = 0;
};

}  // namespace tidemill
