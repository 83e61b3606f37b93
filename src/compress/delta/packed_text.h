// Small parts of files that are no tensors (headers, configurations, vocabularies), packed by zstd; what the base has
// in the same place serves as its dictionary.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace tidemill {

inline constexpr int kPackedMaxWindowLog = 23;

// Appends one zstd frame (RFC 8878) of `bytes`; matches may reach into `prefix`, which may be empty.  Deterministic.
void pack_text(std::span<const std::byte> prefix, std::span<const std::byte> bytes, std::vector<std::byte>& packed);

// Whether `packed` is one frame that gives, with the same prefix, exactly as many bytes as `out` holds.  Takes no
// memory that the frame asks for.
bool unpack_text(std::span<const std::byte> prefix, std::span<const std::byte> packed, std::span<std::byte> out);

}  // namespace tidemill
