// Code of a block that has no useful base: byte k of every element together, for exponents are much alike.
// Specification: docs/formats/delta_blocks.md, "Planes".
#pragma once

#include <span>
#include <vector>

#include "compress/delta/element_form.h"

namespace tidemill {

void encode_planes(const BlockShape& shape, std::span<const std::byte> tuned, std::vector<std::byte>& code);

// Throws Error bad_file.
void decode_planes(const BlockShape& shape, std::span<const std::byte> code, std::span<std::byte> out);

}  // namespace tidemill
