// GGUF v3 writer: the metadata and the head of a file; the tensors' data follow it.
// Specification: ggml's docs/gguf.md.  Tests: tests/golden/test_convert_gguf.py.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/gguf_value.h"
#include "tidemill/tensor.h"

namespace tidemill {

inline constexpr size_t kGgufAlignment = 32;  // of every tensor, in the file

// The metadata of a file in the making.  No key may be added twice.
class GgufEntries {
 public:
  void add(std::string_view key, uint32_t value);
  void add(std::string_view key, float value);
  void add_flag(std::string_view key, bool value);
  void add_text(std::string_view key, std::string_view value);
  void add_texts(std::string_view key, std::span<const std::string> values);
  void add_numbers(std::string_view key, std::span<const int32_t> values);
  void add_numbers(std::string_view key, std::span<const float> values);
  // An entry as it stands in another file: key, type, value.
  void add_entry(std::span<const std::byte> entry);

  uint64_t count() const { return n_entries_; }
  const std::string& bytes() const { return bytes_; }

 private:
  void begin(std::string_view key, GgufType type);
  void begin_array(std::string_view key, GgufType type, size_t n);
  void append_text(std::string_view text);
  template <typename T>
  void append(T value);

  std::string bytes_;
  uint64_t n_entries_ = 0;
};

struct GgufTensorSpec {
  std::string name;
  DType dtype;
  Shape shape;  // outermost first; at most 4 axes
};

// Whether ggml has elements of that dtype.
bool gguf_has(DType dtype);

// Zeros that bring what has `n_bytes` to a multiple of kGgufAlignment.
std::span<const std::byte> gguf_padding(uint64_t n_bytes);

// Everything before the data of a file, its size a multiple of kGgufAlignment; the data of each tensor follow in order,
// each with its padding.  Throws invalid_argument, naming the tensor, for a name that occurs twice, a dtype or a number
// of axes that ggml does not have.
std::string gguf_head(const GgufEntries& entries, std::span<const GgufTensorSpec> tensors);

}  // namespace tidemill
