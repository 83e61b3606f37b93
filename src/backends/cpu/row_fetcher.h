// Rows of a cache that are asked for while something else is computed.
#pragma once

#include <algorithm>
#include <cstddef>

#include "backends/cpu/fetch.h"

namespace tidemill {

// Rows of `row_bytes` bytes, `stride_bytes` apart.
struct RowRange {
  const std::byte* first = nullptr;
  size_t stride_bytes = 0;
  size_t row_bytes = 0;
  size_t n_rows = 0;
};

// Fetches rows into the second-level cache, line after line in the order in which they lie, in so many equal steps: a
// burst would fill the buffers in which the work's own loads wait for their lines.
class RowFetcher {
 public:
  RowFetcher(const RowRange& rows, size_t n_steps) : rows_(rows) {
    constexpr size_t kLine = kVectorBytes;
    const size_t n_lines = rows.n_rows * ((rows.row_bytes + kLine - 1) / kLine);
    lines_per_step_ = n_steps == 0 ? 0 : (n_lines + n_steps - 1) / n_steps;
  }

  void step() {
    for (size_t n = lines_per_step_; n > 0 && rows_.n_rows > 0; --n) {
      __builtin_prefetch(rows_.first + at_, 0, kSecondLevelCache);
      at_ += kVectorBytes;
      if (at_ < rows_.row_bytes) continue;
      at_ = 0;
      rows_.first += rows_.stride_bytes;
      --rows_.n_rows;
    }
  }

 private:
  RowRange rows_;  // those that are left
  size_t at_ = 0;
  size_t lines_per_step_ = 0;
};

}  // namespace tidemill
