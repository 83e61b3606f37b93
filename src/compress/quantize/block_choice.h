// Which block format a matrix gets.
#pragma once

#include <cstdint>
#include <optional>

#include "tidemill/dtype.h"

namespace tidemill {

struct BlockWish {
  int bits = 4;
  int64_t group_size = 0;  // 32, 128, or 0: the best
  bool is_symmetric = false;
  bool has_groups = false;  // of 128 inputs as well, which .tmill has and GGUF has not
};

// The format of so many bits for rows of `n_cols`; where they hold no whole super-blocks of 256 the next one in blocks
// of 32, with more bits if there is none of as many.  Nothing when rows hold no whole blocks at all.  Throws
// invalid_argument when no format is as wished.
std::optional<DType> block_for(const BlockWish& wish, int64_t n_cols);

// `dtype` where rows hold whole blocks of it, else the nearest in blocks of 32; nothing when they hold none.
std::optional<DType> block_like(DType dtype, int64_t n_cols);

}  // namespace tidemill
