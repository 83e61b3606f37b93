// Memory for weights, taken piece by piece and kept until the end: many share a block, in the order in which they are
// taken, so that those that are read one after the other are neighbours.  Blocks of matrices are large enough for huge
// pages, those of vectors are not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tensor/storage.h"

namespace tidemill {

class WeightMemory {
 public:
  // Blocks are of `block_bytes`, of which only what is taken is committed.
  explicit WeightMemory(int64_t block_bytes) : block_bytes_(block_bytes) {}

  // Zeroed, aligned to a cache line; lives as long as this object.  Throws out_of_memory.
  std::byte* take(int64_t size_bytes);
  // Whether `data` is in what was taken.
  bool owns(const void* data) const;
  // What was taken.
  int64_t size_bytes() const { return taken_; }

 private:
  int64_t block_bytes_;
  int64_t taken_ = 0;
  std::byte* free_ = nullptr;  // of the present block
  int64_t n_free_ = 0;
  std::vector<Storage> blocks_;
};

}  // namespace tidemill
