// Working memory of kernels that grows to what the largest call needs and then stays.
#pragma once

#include <cstdint>

#include "tensor/storage.h"

namespace tidemill {

class Scratch {
 public:
  // At least `n_floats` floats, aligned to a page; what they hold is not kept from call to call.
  float* floats(int64_t n_floats) {
    const int64_t size_bytes = n_floats * static_cast<int64_t>(sizeof(float));
    if (size_bytes > storage_.size_bytes()) {
      storage_ = Storage();  // first, so that old and new memory are never held together
      storage_ = Storage(size_bytes);
    }
    return reinterpret_cast<float*>(storage_.data());
  }

 private:
  Storage storage_;
};

}  // namespace tidemill
