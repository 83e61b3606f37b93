// Blocks that come back nearly as they were: changes as whole numbers of few bits times a scale for each group, or only
// the large ones.
//
// One bit, the sign, is that of BitDelta: Liu et al. 2024, arXiv:2402.10193, with a scale for each group instead of
// one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "compress/delta/block_codec.h"

namespace tidemill {

struct ScaledForm {
  uint32_t bits = 0;   // 1, 4 or 8
  uint32_t group = 0;  // elements that share a scale

  bool is_valid() const {
    return (bits == 1 || bits == 4 || bits == 8) && group >= 8 && group <= 1024 && group % 8 == 0;
  }
};

// Appends the code of `tuned`: as `form` says, or lossless where that is no longer or a number is not finite.
// `restored` gets what the code restores.  The dtype is one of those that `has_lossy_deltas`.
void encode_scaled_block(const DeltaBlock& block, const ScaledForm& form, std::span<const std::byte> base,
                         std::span<const std::byte> tuned, std::vector<std::byte>& code,
                         std::vector<std::byte>& restored);

// Throws Error bad_file where no encoder could have written `code`.
void decode_scaled_block(const DeltaBlock& block, const ScaledForm& form, std::span<const std::byte> base,
                         std::span<const std::byte> code, std::span<std::byte> out);

// `restored` gets `tuned` where it differs from the base by `threshold` or more, or is not finite, else the base.
void keep_large_changes(DType dtype, double threshold, std::span<const std::byte> base,
                        std::span<const std::byte> tuned, std::vector<std::byte>& restored);

}  // namespace tidemill
