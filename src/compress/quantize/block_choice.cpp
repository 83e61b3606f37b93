#include "compress/quantize/block_choice.h"

#include <algorithm>
#include <string>

#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr int64_t kSmallBlock = 32, kGroup = 128;

struct Row {
  int bits;
  DType best;
  std::optional<DType> with_min, symmetric;  // in blocks of 32
  std::optional<DType> group;                // in groups of 128
};

constexpr Row kFormats[] = {
    {2, DType::q2_k, {}, {}, DType::q2_g128},
    {3, DType::q3_k, {}, {}, DType::q3_g128},
    {4, DType::q4_k, DType::q4_1, DType::q4_0, DType::q4_g128},
    {5, DType::q5_k, DType::q5_1, DType::q5_0, {}},
    {6, DType::q6_k, {}, {}, {}},
    {8, DType::q8_0, DType::q8_0, DType::q8_0, {}},
};

// What takes the place of super-blocks in rows that hold no whole ones, as llama.cpp has it.
DType small_block_like(DType dtype) {
  switch (dtype) {
    case DType::q2_k:
    case DType::q3_k:
    case DType::iq4_xs:
      return DType::iq4_nl;
    case DType::q4_k:
      return DType::q5_0;
    case DType::q5_k:
      return DType::q5_1;
    default:
      return DType::q8_0;
  }
}

}  // namespace

std::optional<DType> block_like(DType dtype, int64_t n_cols) {
  if (n_cols == 0 || n_cols % kSmallBlock != 0) return {};
  return n_cols % info(dtype).block_length == 0 ? dtype : small_block_like(dtype);
}

std::optional<DType> block_for(const BlockWish& wish, int64_t n_cols) {
  const auto* const row = std::ranges::find(kFormats, wish.bits, &Row::bits);
  if (row == std::end(kFormats))
    throw Error(ErrorCode::invalid_argument,
                "--bits: there is no format of " + std::to_string(wish.bits) + " bits; give 2, 3, 4, 5, 6 or 8");
  const bool is_in_groups = wish.has_groups && row->group && !wish.is_symmetric && n_cols % kGroup == 0;
  if (wish.group_size == 0) {
    const bool is_whole = n_cols % info(row->best).block_length == 0;
    return is_in_groups && !is_whole ? *row->group : block_like(row->best, n_cols);
  }
  if (wish.has_groups && row->group && !wish.is_symmetric && wish.group_size == kGroup)
    return is_in_groups ? *row->group : block_like(DType::q4_g32, n_cols);
  const std::optional<DType> found = wish.is_symmetric ? row->symmetric : row->with_min;
  if (wish.group_size != kSmallBlock || !found)
    throw Error(ErrorCode::invalid_argument,
                "--group-size: blocks of " + std::to_string(wish.group_size) + " weights at " +
                    std::to_string(wish.bits) +
                    " bits are no such format; give 32 with 4, 5 or 8 bits, in a .tmill also 128 with 2 to 4, or 0");
  return block_like(*found, n_cols);
}

}  // namespace tidemill
