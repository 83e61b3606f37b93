// How far what a lossy delta restores is from the fine-tune.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "tidemill/delta.h"
#include "tidemill/dtype.h"

namespace tidemill {

class ChangeError {
 public:
  // Elements of a dtype that `has_lossy_deltas`; all three are equally long.
  void add(DType dtype, std::span<const std::byte> base, std::span<const std::byte> tuned,
           std::span<const std::byte> restored);
  void add(const ChangeError& other);

  DeltaError of(const std::string& tensor) const;

 private:
  double changes_ = 0, errors_ = 0;  // sums of squares
  double greatest_ = 0;
};

}  // namespace tidemill
