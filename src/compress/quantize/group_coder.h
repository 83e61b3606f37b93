// GroupCoder: matrices in groups of inputs with a scale and a whole zero each, for AWQ, GPTQ and compressed-tensors.
#pragma once

#include <span>

#include "compress/quantize/matrix_coder.h"
#include "formats/group_scheme.h"
#include "tensor/group_quantized.h"

namespace tidemill {

class GroupCoder final : public MatrixCoder {
 public:
  // Fills `target`, which outlives this object.  With `order`, column i of what is stored is input order[i].
  GroupCoder(const GroupKind& kind, int64_t n_rows, int64_t n_cols, GroupQuantized& target,
             std::span<const int32_t> order = {});

  void fit(std::span<const float> values, std::span<const float> importance, ScaleSearch search,
           BlockFit& block) const override;
  void refit(const ScaleFit& wanted, int64_t sub, BlockFit& block) const override;
  void store(int64_t row, int64_t first_column, const BlockFit& block, std::span<const uint8_t> codes) override;

 private:
  bool has_zeros_;
  GroupQuantized& target_;
  std::span<const int32_t> order_;
};

}  // namespace tidemill
