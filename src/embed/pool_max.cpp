// Each element's greatest value among the tokens.
#include <algorithm>

#include "embed/pooling.h"

namespace tidemill {

void pool_max(const Tensor& hidden, int64_t first, std::span<float> out) {
  pool_one_token(hidden, first, out);
  for (int64_t token = first + 1; token < hidden.dim(0); ++token) {
    const float* row = hidden.row<float>(token);
    for (size_t i = 0; i < out.size(); ++i) out[i] = std::max(out[i], row[i]);
  }
}

}  // namespace tidemill
