#include "api/arrays/array_rows.h"
#include "api/arrays/tensor_ops_impl.h"

namespace tidemill {

const float* Work::contiguous(const ArrayView& array, Scratch& scratch) {
  if (array.dtype == DType::f32 && array.is_contiguous()) return static_cast<const float*>(array.data);
  const ArrayRows rows(array);
  float* const copy = floats(scratch, array.n_elements());
  pool().parallel_for(rows.n_rows(), rows.rows_per_block(), [&](int64_t begin, int64_t end, int) {
    rows.load(begin, end - begin, copy + begin * rows.width());
  });
  return copy;
}

}  // namespace tidemill
