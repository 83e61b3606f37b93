// The code of bytes whose runs stand somewhere in the base, as rows of a data set do after some were put in, taken out
// or put in another order: where each run is, and what is new.  Specification: docs/formats/delta.md, "Moved parts".
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "compress/delta/content_index.h"

namespace tidemill {

// Appends the code of `tuned`, at most kPackedTextBytes, given the whole base.  Deterministic.
void encode_moved(const ContentIndex& base, std::span<const std::byte> tuned, std::vector<std::byte>& code);

// The bytes of `tuned` that the base has somewhere.
uint64_t n_moved_bytes(const ContentIndex& base, std::span<const std::byte> tuned);

// `read(begin, out)` gives bytes of the base, which has `n_base_bytes`.  Fills `out`.  False where no encoder could
// have written `code`; takes memory bounded by `out`.
bool decode_moved(std::span<const std::byte> code, uint64_t n_base_bytes,
                  const std::function<void(uint64_t begin, std::span<std::byte> out)>& read, std::span<std::byte> out);

}  // namespace tidemill
