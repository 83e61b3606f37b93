#include "backends/cpu/embed.h"

#include <algorithm>
#include <iterator>

#include "backends/cpu/grain.h"
#include "tensor/dequantize.h"
#include "tensor/unpack_row.h"

namespace tidemill {

void compute(ThreadPool& pool, const op::Embed& operation) {
  const int64_t width = operation.out.dim(1);
  // Picking a row out of panels touches a cache line for every few elements.
  const int64_t grain = rows_per_piece(4 * width);
  pool.parallel_for(std::ssize(operation.ids), grain, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      float* const row = operation.out.row<float>(i);
      const int32_t id = operation.ids[static_cast<size_t>(i)];
      if (operation.table.layout() == Layout::rows) {
        dequantize(operation.table.dtype(), operation.table.row<std::byte>(id), {row, static_cast<size_t>(width)});
      } else {
        unpack_row(operation.table, id, row);
      }
      if (operation.scale == 1.0f) continue;
      for (int64_t j = 0; j < width; ++j) row[j] *= operation.scale;
    }
  });
}

void compute(ThreadPool& pool, const op::GatherRows& operation) {
  const int64_t width = operation.out.dim(1);
  pool.parallel_for(std::ssize(operation.rows), rows_per_piece(width), [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      std::copy_n(operation.x.row<float>(operation.rows[static_cast<size_t>(i)]), width, operation.out.row<float>(i));
    }
  });
}

}  // namespace tidemill
