// Carver: several arrays in one block of memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/cpu/grain.h"
#include "tensor/panels.h"

namespace tidemill {

// Cuts pieces off a block of memory, each aligned to a vector; without memory it only counts.
class Carver {
 public:
  explicit Carver(std::byte* memory) : memory_(memory) {}
  template <typename T>
  T* take(int64_t n) {
    T* piece = memory_ == nullptr ? nullptr : reinterpret_cast<T*>(memory_ + used_);
    used_ += round_up(n * static_cast<int64_t>(sizeof(T)), kVectorBytes);
    return piece;
  }
  int64_t used_bytes() const { return used_; }

 private:
  std::byte* memory_;
  int64_t used_ = 0;
};

}  // namespace tidemill
