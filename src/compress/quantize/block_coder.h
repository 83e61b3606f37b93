// BlockCoder: matrices in the block formats of GGUF and .tmill.
#pragma once

#include <cstddef>
#include <string_view>

#include "compress/quantize/matrix_coder.h"
#include "tidemill/tensor.h"

namespace tidemill {

// The formats that matrices can be made in: those of GGUF, and of .tmill alone the last five.
inline constexpr std::string_view kBlockNames =
    "q2_k to q6_k, q4_0, q4_1, q5_0, q5_1, q8_0, iq4_nl, iq4_xs, q4_g32, q4_g128, q8_g32, q2_g128, q3_g128";
bool is_made_in_blocks(DType dtype);

class BlockCoder final : public MatrixCoder {
 public:
  // Stores at `target`, rows of `dtype` one behind the other, which outlives this object.
  BlockCoder(DType dtype, int64_t n_cols, std::byte* target);

  void fit(std::span<const float> values, std::span<const float> importance, ScaleSearch search,
           BlockFit& block) const override;
  void refit(const ScaleFit& wanted, int64_t sub, BlockFit& block) const override;
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
