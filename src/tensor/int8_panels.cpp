#include "tensor/int8_panels.h"

#include <limits>
#include <string>

#include "tidemill/error.h"

namespace tidemill {

int64_t int8_panel_bytes(int64_t n_rows, int64_t n_cols) {
  const int64_t limit = std::numeric_limits<int64_t>::max() / 8;
  if (n_rows < 0 || n_cols < 0 || n_cols > kMostInt8Columns ||
      panel_count(n_rows) > limit / int8_panel_stride(kMostInt8Columns)) {
    throw Error(ErrorCode::invalid_argument, "matrix of int8: " + std::to_string(n_rows) + " rows of " +
                                                 std::to_string(n_cols) + " elements do not make panels; rows hold " +
                                                 std::to_string(kMostInt8Columns) + " at most");
  }
  return panel_count(n_rows) * int8_panel_stride(n_cols);
}

}  // namespace tidemill
