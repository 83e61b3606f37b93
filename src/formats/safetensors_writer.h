// safetensors writer: the header first, then the data in pieces of any size, so that a model never has to be in memory.
//
// The data begin at a multiple of 64 bytes in the file: spaces stand behind the header's JSON, which the format allows
// and its library reads.  Tensors follow each other without a hole, as the format demands, so each lies at a multiple
// of 64 when the sizes of those before it are; in `sort_as_library` order each lies at a multiple of its element size.
// With that order and a data alignment of 8 the file is, byte for byte, the library's own (with several metadata
// entries the library's order changes from run to run; here it is the given one).
// Tests: src/formats/safetensors_writer_test.cpp, tests/formats/test_safetensors_writer.py.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "formats/safetensors_type.h"
#include "sys/atomic_file.h"

namespace tidemill {

// A tensor that is to be written.
struct SafetensorSpec {
  std::string name;
  const SafetensorsType* type;  // a row of `safetensors_types()`
  std::vector<uint64_t> dims;   // outermost first

  // Throws invalid_argument when its bytes do not fit in 64 bits or are not whole.
  uint64_t n_bytes() const;
};

using SafetensorsMetadata = std::vector<std::pair<std::string, std::string>>;

inline constexpr size_t kSafetensorsDataAlignment = 64;

// Large elements first, then by name: the order in which the library writes.
void sort_as_library(std::vector<SafetensorSpec>& tensors);

// Everything before the data of a file: length and header, its size a multiple of `data_alignment`, which is a
// multiple of 8.  `data` follow in the order of `tensors`.  Without metadata the header has no `__metadata__`.
// Throws invalid_argument when a name or key occurs twice or is not UTF-8, a tensor is called `__metadata__`, sizes
// overflow or the header is longer than the format allows.
std::string safetensors_prefix(const std::vector<SafetensorSpec>& tensors, const SafetensorsMetadata& metadata,
                               size_t data_alignment = kSafetensorsDataAlignment);

// Writes one file, which appears under its name only when it is whole (sys/atomic_file.h).  Not thread-safe.
class SafetensorsWriter {
 public:
  // Throws what `safetensors_prefix` and AtomicFile throw.
  SafetensorsWriter(const std::string& path, std::vector<SafetensorSpec> tensors, const SafetensorsMetadata& metadata,
                    size_t data_alignment = kSafetensorsDataAlignment);

  // The next bytes of the data.  Throws invalid_argument when they reach past the end of the tensor that they belong
  // to, io when the system refuses.
  void write(std::span<const std::byte> piece);
  // Makes the file durable and puts it in its place.  Throws invalid_argument when data are missing, io.
  void finish();

 private:
  void skip_finished();

  AtomicFile file_;
  std::vector<SafetensorSpec> tensors_;
  size_t current_ = 0;   // the tensor being written
  uint64_t n_left_ = 0;  // bytes of it
};

}  // namespace tidemill
