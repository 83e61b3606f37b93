// Which bytes of a file are which tensor: the file in pieces without gap or overlap, so that who restores each piece
// has restored the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tidemill/dtype.h"

namespace tidemill {

struct FilePiece {
  std::string name;            // of a tensor; empty for headers, padding and files without tensors
  std::string dtype;           // as `dtype_label` spells it
  std::vector<uint64_t> dims;  // outermost first
  uint64_t begin = 0;          // from the start of the file
  uint64_t n_bytes = 0;

  bool is_tensor() const { return !name.empty(); }
};

// The element type that a piece is coded as: bytes where this build has no type of that label.
DType coded_dtype(std::string_view label);

// The pieces of the file that `bytes` hold: of a safetensors or GGUF file its tensors and what lies between them, of
// any other, and of a GGUF with types that this build cannot read, one piece.  What a file is says its content.  Throws
// bad_file, beginning with `path`, where that ends in .safetensors or .gguf and the content is not such a file.
std::vector<FilePiece> layout_of_file(std::span<const std::byte> bytes, const std::string& path);

}  // namespace tidemill
