// Panels of int8 with one scale for each row: what `--precision int8` makes of the linear layers of encoders when it
// loads them.  Unlike the panels of tensor/panels.h they are never in a file.
//
// A panel of 16 rows is ceil(K / 4) units of 64 bytes, in which byte 4 * r + c is element c of row r, with zeros behind
// the last column, and then for each row f32 `scale` and i32 `sum` of its numbers.  An element is scale * number, of
// -127 to 127.  Rows behind the last one are zeros.
#pragma once

#include <cstdint>

#include "tensor/panels.h"
#include "tidemill/tensor.h"

namespace tidemill {

// So many products of int8 with a byte stay within 32 bits.
inline constexpr int64_t kMostInt8Columns = 65536;

constexpr int64_t int8_units(int64_t n_cols) {
  return (n_cols + 3) / 4;
}
// Bytes from one panel to the next; `n_cols` is at most kMostInt8Columns.
constexpr int64_t int8_panel_stride(int64_t n_cols) {
  constexpr int64_t kRowEnds = kPanelRows * (sizeof(float) + sizeof(int32_t));
  return int8_units(n_cols) * kVectorBytes + kRowEnds;
}

inline bool is_int8_panels(const Tensor& tensor) {
  return tensor.layout() == Layout::panels && tensor.dtype() == DType::i8;
}

// Bytes of a whole matrix.  Throws invalid_argument when it has more columns, or the size does not fit.
int64_t int8_panel_bytes(int64_t n_rows, int64_t n_cols);

}  // namespace tidemill
