// Arena: hands out activations by bumping a pointer, and takes them back all at once.
//
// Two ways to use one: `plan` mode counts without memory (the engine runs a forward pass through it at load), and real
// mode serves from one block that never moves.  Nothing is allocated from the system after `reserve`.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/storage.h"
#include "tidemill/tensor.h"

namespace tidemill {

class Arena {
 public:
  static constexpr int64_t kAlignment = 64;  // a cache line, and the widest vector

  // An arena without memory: it counts what it is asked for and hands out tensors whose data must not be touched.
  static Arena planner();
  // An arena that serves `capacity_bytes`.
  explicit Arena(int64_t capacity_bytes);

  // A contiguous tensor, uninitialised, aligned to kAlignment.  Throws out_of_memory when the arena is full.
  Tensor allocate(DType dtype, const Shape& shape);

  // A position to return to; everything allocated after `mark()` is given back by `rewind`.
  int64_t mark() const { return used_; }
  void rewind(int64_t mark);

  bool is_planner() const { return planner_; }
  int64_t used_bytes() const { return used_; }
  int64_t peak_bytes() const { return peak_; }  // greatest use so far
  int64_t capacity_bytes() const { return storage_.size_bytes(); }

 private:
  Arena() = default;
  Storage storage_;
  int64_t used_ = 0;
  int64_t peak_ = 0;
  bool planner_ = false;
};

}  // namespace tidemill
