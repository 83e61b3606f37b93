// Vector weights (norms, biases) as every backend keeps them: f32, in memory of its own.
#pragma once

#include <cstdint>

#include "backends/weight_memory.h"
#include "ops/weight_versions.h"
#include "tidemill/tensor.h"

namespace tidemill {

class VectorStore {
 public:
  // A copy of `vector`, of any dtype, as f32; lives as long as this object.  Throws invalid_argument unless it is
  // contiguous.
  Tensor keep(const Tensor& vector);
  // The same in memory of its own.
  static HeldWeight keep_apart(const Tensor& vector);
  // `vector` in the place of `kept`, a vector of that shape; where this object does not keep it, as `keep` does.
  Tensor replace(const Tensor& kept, const Tensor& vector);
  int64_t size_bytes() const { return memory_.size_bytes(); }

 private:
  WeightMemory memory_{1 << 20};
};

}  // namespace tidemill
