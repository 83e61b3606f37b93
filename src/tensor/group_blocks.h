// GroupQuantized as blocks that kernels read, with exactly the same values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tensor/group_quantized.h"
#include "tidemill/dtype.h"

namespace tidemill {

// Moves columns so that groups follow each other and g_idx is empty: column j is then column order[j] of what it was.
// Returns the order; empty, and nothing is moved, where the groups are in order already, or are of other sizes than
// group_size says.
std::vector<int32_t> put_in_order(GroupQuantized& matrix);

// The block format that holds the matrix exactly: q4_0 or q8_0 for symmetric codes, else q2_g128, q3_g128, q4_g128,
// q4_g32 or q8_g32, of which a matrix has one as well whose columns have been put in order, for files of the former say
// nothing of that; f32
// where none does, because a scale is no f16 number, rows are no whole blocks, or the groups are none of whole blocks.
// The sizes of `matrix` fit and its numbers are in their ranges.
DType group_dtype(const GroupQuantized& matrix, bool is_reordered);

// Writes the rows of `matrix`, size_bytes(dtype, {n_rows, n_cols}), as `dtype`, which is what group_dtype says, or f32.
void make_group_rows(const GroupQuantized& matrix, DType dtype, std::byte* target);

}  // namespace tidemill
