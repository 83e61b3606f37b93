#include "compress/delta/change_error.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "compress/delta/float_elements.h"

namespace tidemill {

void ChangeError::add(DType dtype, std::span<const std::byte> base, std::span<const std::byte> tuned,
                      std::span<const std::byte> restored) {
  std::vector<float> before, after, found;
  to_floats(dtype, base, before);
  to_floats(dtype, tuned, after);
  to_floats(dtype, restored, found);
  for (size_t i = 0; i < before.size(); ++i) {
    const double change = static_cast<double>(after[i]) - before[i], error = static_cast<double>(found[i]) - after[i];
    if (!std::isfinite(change) || !std::isfinite(error)) continue;  // kept as it is
    changes_ += change * change;
    errors_ += error * error;
    greatest_ = std::max(greatest_, std::abs(error));
  }
}

void ChangeError::add(const ChangeError& other) {
  changes_ += other.changes_;
  errors_ += other.errors_;
  greatest_ = std::max(greatest_, other.greatest_);
}

DeltaError ChangeError::of(const std::string& tensor) const {
  const double relative = changes_ > 0 ? std::sqrt(errors_ / changes_) : 0;
  return {.tensor = tensor, .relative = relative, .greatest = greatest_};
}

}  // namespace tidemill
