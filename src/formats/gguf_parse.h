// The bytes of one GGUF file -> its metadata and tensors, all of them views of those bytes.
//
// Besides the rules of the format there are limits far above every real model, so that whatever the file says, memory
// beyond its own bytes stays below 100 MB.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/gguf_cursor.h"
#include "formats/gguf_value.h"
#include "tidemill/tensor.h"

namespace tidemill {

inline constexpr size_t kGgufMaxMetadata = 1 << 15;  // entries
inline constexpr size_t kGgufMaxStrings = 1 << 21;   // in all arrays of a file together: 32 MiB of views
inline constexpr size_t kGgufMaxTensors = 1 << 16;   // in all parts of a split model together

struct NamedTensor {
  std::string_view name;
  Tensor tensor;
};

struct GgufContents {
  int version = 0;
  GgufMetadata metadata;
  std::vector<std::span<const std::byte>> entries;  // of the metadata, in the order of the file: key, type, value
  std::vector<NamedTensor> tensors;                 // in the order of the file; names may repeat
};

// Reads the file that `bytes` holds; they must outlive the result.  `file` is its name for messages.  Throws bad_file
// and unsupported.
GgufContents parse_gguf(std::span<const std::byte> bytes, const std::string& file);

// The two parts of it, each from the cursor's position on.
void read_gguf_metadata(GgufCursor& cursor, size_t n_entries, GgufContents& contents);
std::vector<NamedTensor> read_gguf_tensors(GgufCursor& cursor, size_t n_tensors, size_t alignment);

}  // namespace tidemill
