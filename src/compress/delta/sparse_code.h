// Code of a block in which few elements changed: for each table, how many of its elements lie between those that
// changed. Specification: docs/formats/delta_blocks.md, "Sparse".
#pragma once

#include "compress/delta/contexts.h"

namespace tidemill {

void encode_sparse(const BlockShape& shape, const ContextChoice& choice, const ChangeList& changes,
                   const std::byte* base, const std::byte* tuned, std::vector<std::byte>& code);

// Throws Error bad_file.
void decode_sparse(const BlockShape& shape, const std::byte* base, std::span<const std::byte> code, std::byte* out);

}  // namespace tidemill
