#include "tensor/arena.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <string>

#include "tidemill/error.h"

namespace tidemill {
namespace {

// Where a planner's tensors pretend to lie: no system maps memory there, so touching one faults at once.
constexpr uintptr_t kNowhere = sizeof(void*) == 8 ? uintptr_t{1} << (sizeof(void*) * 8 - 9) : Arena::kAlignment;

// `size_bytes` up to the next multiple of kAlignment.
int64_t padded(int64_t size_bytes) {
  if (size_bytes > std::numeric_limits<int64_t>::max() - Arena::kAlignment) {
    throw Error(ErrorCode::out_of_memory,
                "arena: a tensor of " + std::to_string(size_bytes) + " bytes cannot fit; use smaller shapes");
  }
  return (size_bytes + Arena::kAlignment - 1) / Arena::kAlignment * Arena::kAlignment;
}

}  // namespace

Arena Arena::planner() {
  Arena arena;
  arena.planner_ = true;
  return arena;
}

Arena::Arena(int64_t capacity_bytes) : storage_(capacity_bytes) {}

Tensor Arena::allocate(DType dtype, const Shape& shape) {
  const int64_t size = padded(tidemill::size_bytes(dtype, shape));
  const int64_t capacity = planner_ ? std::numeric_limits<int64_t>::max() : capacity_bytes();
  if (size > capacity - used_) {
    throw Error(ErrorCode::out_of_memory, "arena: " + std::to_string(size) + " bytes for a " +
                                              std::string(info(dtype).name) + " tensor " + shape.to_string() +
                                              " do not fit, " + std::to_string(used_) + " of " +
                                              std::to_string(capacity) + " are in use; plan a larger arena");
  }
  void* const data =
      planner_ ? reinterpret_cast<void*>(kNowhere + static_cast<uintptr_t>(used_)) : storage_.data() + used_;
  const Tensor tensor(data, dtype, shape);
  used_ += size;
  peak_ = std::max(peak_, used_);
  return tensor;
}

void Arena::rewind(int64_t mark) {
  assert(mark >= 0 && mark <= used_);
  used_ = mark;
}

}  // namespace tidemill
