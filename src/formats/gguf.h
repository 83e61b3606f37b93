// GGUF v2 and v3 reader: metadata and tensors of a mapped file, or of all files of a split set.
//
// Specification: ggml's docs/gguf.md.  Everything in the file is hostile until checked: each count and length is
// compared with the bytes left before anything is allocated, offsets must be aligned, inside the file and not
// overlap.  All failures are bad_file or unsupported, with the file's name.
// Tests: src/formats/gguf_test.cpp, tests/formats/test_gguf.py; fuzz target: src/formats/gguf_fuzz.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/gguf_parse.h"
#include "formats/gguf_value.h"
#include "formats/weights.h"
#include "sys/mapped_file.h"

namespace tidemill {

// Immutable after it is made, so all members may be called from several threads.
class GgufFile final : public Weights {
 public:
  // Opens `path`, and when its metadata says so, the other parts of the model beside it: the name of the first part
  // ends in -00001-of-0000N.gguf.  Throws not_found for a missing part, and what MappedFile throws.
  explicit GgufFile(const std::string& path);
  // Reads a file that already lies in memory, which must outlive the result and begin at a multiple of 8.  `name`
  // stands in messages.  Throws unsupported for a part of a split set.
  static GgufFile from_memory(std::span<const std::byte> bytes, const std::string& name);

  // The metadata of such a file with tensors that lie elsewhere, in the place of its own.  Their names outlive the
  // result, too.
  static GgufFile with_tensors(std::span<const std::byte> bytes, const std::string& name,
                               std::vector<NamedTensor> tensors);

  const std::string& path() const override { return path_; }
  std::vector<std::string> names() const override;
  std::optional<Tensor> find(std::string_view name) const override;
  void release(const Tensor& tensor) const override;
  // The metadata will not be read soon: their pages may leave memory.  A vocabulary takes some tens of megabytes.
  void release_metadata() const;

  int version() const { return contents_.version; }
  const GgufMetadata& metadata() const { return contents_.metadata; }
  // Its entries as they stand in the file, by key, in its order, but for what a split set says of its parts.
  std::vector<std::pair<std::string_view, std::span<const std::byte>>> entries() const;
  // A GGUF of the same metadata and no tensors, byte for byte but for what a split set says of its parts.
  std::string metadata_file() const;

  // Typed getters: nothing when the key is absent; throw bad_file, naming file and key, when it has another type or
  // does not fit.  Integers serve as numbers, but not the other way round.
  std::optional<int64_t> integer(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string_view> string(std::string_view key) const;
  const StringList* strings(std::string_view key) const;
  const NumberArray* numbers(std::string_view key) const;
  const NumberArray* integers(std::string_view key) const;  // every element fits in int64_t

 private:
  GgufFile() = default;
  void add_other_parts();
  void index_names();
  const MetaValue* value(std::string_view key) const;
  template <typename Type>
  const Type* value_as(std::string_view key, std::string_view expected) const;
  [[noreturn]] void fail_type(std::string_view key, const std::string& found, std::string_view expected) const;

  std::string path_;
  std::vector<MappedFile> files_;  // empty when the bytes belong to the caller
  GgufContents contents_;          // metadata of the first part, tensors of all
  std::vector<uint32_t> by_name_;  // positions in contents_.tensors, sorted by name
};

}  // namespace tidemill
