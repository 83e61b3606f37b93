// The lossless code of a block of a fine-tuned tensor, given the same block of its base.
// Specification: docs/formats/delta_blocks.md.
//
// Blocks know nothing of each other, so that any of them can be coded and restored alone: how long they are (about
// 256 KiB of tuned bytes serve well), which thread does which and where codes are kept is the caller's.  Both
// functions may run on any number of threads at once, and what they give depends on their arguments only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tidemill/dtype.h"

namespace tidemill {

// Where a block stands in its tensor.  It begins at the first byte of an element, and of a quantised block of a GGUF
// type; only a tensor's last block may end elsewhere.
struct DeltaBlock {
  DType dtype = DType::u8;
  int64_t row_length = 0;  // elements of the innermost dimension; 0 where that is not known
  int64_t first = 0;       // index of the block's first element in the tensor
};

// Bytes that a code has at most beyond those of the block.
inline constexpr size_t kDeltaCodeOverhead = 1;

// Appends the code of `tuned` to `code`.  `base` has as many bytes as `tuned`, or none where there is no useful base.
// At most `tuned.size() + kDeltaCodeOverhead` bytes; none for an empty block.
// Throws Error invalid_argument where the sizes differ.
void encode_delta_block(const DeltaBlock& block, std::span<const std::byte> base, std::span<const std::byte> tuned,
                        std::vector<std::byte>& code);

// Fills `out` with what was coded; block and base are those of the encoder.  `code` may be hostile: takes memory and
// time bounded by `out.size()`, and throws Error bad_file where no encoder could have written it.  What `out` holds
// after an exception is not said.
void decode_delta_block(const DeltaBlock& block, std::span<const std::byte> base, std::span<const std::byte> code,
                        std::span<std::byte> out);

// The same for two blocks, in less time where both changed much: what one waits for the other one has ready.
struct CodedBlock {
  DeltaBlock block;
  std::span<const std::byte> base, code;
  std::span<std::byte> out;
};
void decode_delta_blocks(const CodedBlock& one, const CodedBlock& other);

}  // namespace tidemill
