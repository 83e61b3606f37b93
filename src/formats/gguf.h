// GGUF v2 and v3 reader: metadata and tensors of a mapped file, or of all files of a split set.
//
// Specification: ggml's docs/gguf.md.  Everything in the file is hostile until checked: each count and length is
// compared with the bytes left before anything is allocated, offsets must be aligned, inside the file and not
// overlap.  All failures are bad_file or unsupported, with the file's name.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "formats/weights.h"
#include "sys/mapped_file.h"

namespace tidemill {

// An array of strings that stay in the mapped file.
using StringList = std::vector<std::string_view>;

// One metadata value.  Integers of every width and sign arrive as int64_t or uint64_t, floats as double.
// Numeric arrays keep their element type as views of the file: `NumberArray` converts on access.
struct NumberArray {
  DType dtype;                       // i8 u8 i16 i32 i64 f32 f64 boolean; u16, u32 and u64 are stored widened or as noted
  bool is_unsigned = false;          // the element type in the file is unsigned
  std::span<const std::byte> bytes;  // unaligned elements
  size_t size() const;
  int64_t integer(size_t index) const;  // throws bad_file for float arrays
  double number(size_t index) const;
};
using MetaValue = std::variant<bool, int64_t, uint64_t, double, std::string_view, StringList, NumberArray>;

class GgufFile final : public Weights {
 public:
  // Opens `path`; when its name ends in -00001-of-0000N.gguf, all N files beside it.
  explicit GgufFile(const std::string& path);

  const std::string& path() const override { return path_; }
  std::vector<std::string> names() const override;
  std::optional<Tensor> find(std::string_view name) const override;
  void release(const Tensor& tensor) const override;

  int version() const { return version_; }
  const std::map<std::string, MetaValue, std::less<>>& metadata() const { return metadata_; }

  // Typed getters: nothing when the key is absent; throw bad_file, naming file and key, when it has another type or
  // does not fit.
  std::optional<int64_t> integer(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string_view> string(std::string_view key) const;
  const StringList* strings(std::string_view key) const;
  const NumberArray* numbers(std::string_view key) const;

 private:
  std::string path_;
  int version_ = 0;
  std::vector<MappedFile> files_;
  std::map<std::string, MetaValue, std::less<>> metadata_;
  std::vector<std::pair<std::string, Tensor>> tensors_;           // file order
  std::map<std::string_view, size_t> tensor_index_;               // name -> position in tensors_
};

}  // namespace tidemill
