// BlockCoder: matrices in GGUF's block formats.
#pragma once

#include <cstddef>
#include <optional>

#include "compress/quantize/matrix_coder.h"
#include "tidemill/tensor.h"

namespace tidemill {

// Whether matrices can be made in that format: Q4_0 to Q8_0, Q2_K to Q6_K, IQ4_NL, IQ4_XS.
bool is_made_in_blocks(DType dtype);

class BlockCoder final : public MatrixCoder {
 public:
  // Stores at `target`, rows of `dtype` one behind the other, which outlives this object.
  BlockCoder(DType dtype, int64_t n_cols, std::byte* target);

  void fit(std::span<const float> values, std::span<const float> importance, ScaleSearch search,
           BlockFit& block) const override;
  void store(int64_t row, int64_t first_column, const BlockFit& block, std::span<const uint8_t> codes) override;

 private:
  void fit_one(std::span<const float> values, std::span<const float> importance, ScaleSearch search,
               BlockFit& block) const;
  void fit_many(std::span<const float> values, std::span<const float> importance, ScaleSearch search,
                BlockFit& block) const;

  DType dtype_;
  int64_t row_bytes_;
  std::byte* target_;
};

}  // namespace tidemill
