#include "backends/cpu/embed.h"

#include <algorithm>

#include "backends/cpu/grain.h"
#include "backends/cpu/pack.h"

namespace tidemill {

void embed(ThreadPool& pool, const Tensor& table, std::span<const int32_t> ids, float scale, const Tensor& out) {
  const int64_t width = out.dim(1);
  // Picking a row out of panels touches a cache line for every few elements.
  const int64_t grain = rows_per_piece(4 * width);
  pool.parallel_for(std::ssize(ids), grain, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      float* const row = out.row<float>(i);
      unpack_row(table, ids[i], row);
      for (int64_t j = 0; j < width; ++j) row[j] *= scale;
    }
  });
}

void gather_rows(ThreadPool& pool, const Tensor& x, std::span<const int32_t> rows, const Tensor& out) {
  const int64_t width = out.dim(1);
  pool.parallel_for(std::ssize(rows), rows_per_piece(width), [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) std::copy_n(x.row<float>(rows[i]), width, out.row<float>(i));
  });
}

}  // namespace tidemill
