// Code of a block in which many elements changed: every difference is a symbol.
// Specification: docs/formats/delta_blocks.md, "Dense".
#pragma once

#include "compress/delta/contexts.h"

namespace tidemill {

void encode_dense(const BlockShape& shape, const ContextChoice& choice, std::span<const uint8_t> symbols,
                  const std::byte* base, const std::byte* tuned, std::vector<std::byte>& code);

// Throws Error bad_file.
void decode_dense(const BlockShape& shape, const std::byte* base, std::span<const std::byte> code, std::byte* out);

}  // namespace tidemill
