#include "backends/cpu/matmul.h"

#include <string>
#include <vector>

#include "backends/cpu/pack.h"

namespace tidemill {

void matmul(MatmulContext& context, const Tensor& x, std::span<const Tensor> weights, std::span<const Tensor> outs) {
  const int64_t n_cols = x.dim(1);
  for (size_t j = 0; j < weights.size(); ++j) {
    if (weights[j].layout() != Layout::panels) {
      throw Error(ErrorCode::unsupported, "matmul: the weight is not in panels; adopt it by the CPU backend first");
    }
    context.pool().parallel_for(weights[j].dim(0), 16, [&](int64_t begin, int64_t end, int) {
      std::vector<float> row(static_cast<size_t>(n_cols));
      for (int64_t n = begin; n < end; ++n) {
        unpack_row(weights[j], n, row.data());
        for (int64_t m = 0; m < x.dim(0); ++m) {
          double sum = 0;
          for (int64_t k = 0; k < n_cols; ++k) sum += double{row[k]} * x.row<float>(m)[k];
          outs[j].row<float>(m)[n] = static_cast<float>(sum);
        }
      }
    });
  }
}

}  // namespace tidemill
