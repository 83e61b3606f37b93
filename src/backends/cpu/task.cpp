#include "backends/cpu/task.h"

#include <algorithm>

namespace tidemill {

void store_sums(const MatmulTask& task, const TaskScratch& scratch) {
  const Product& product = task.product;
  const int64_t first = task.first_panel * kPanelRows;
  const int64_t n = std::min<int64_t>(kTaskPanels * kPanelRows, product.n_rows - first);
  for (int64_t m = 0; m < task.end_x - task.first_x; ++m) {
    std::copy_n(scratch.sums[m], n, task.out() + m * product.out_stride);
  }
}

}  // namespace tidemill
