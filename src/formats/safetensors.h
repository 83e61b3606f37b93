// safetensors reader: tensors and metadata of a mapped file.
//
// Format: github.com/huggingface/safetensors, README; the rules are those of its library 0.8: a header of at most
// 100 MB, JSON; the data of the tensors one after another from the first byte behind the header to the last of the
// file, without hole or overlap, each as long as its shape and dtype say.  Ours refuses what the library refuses, and
// of what the library reads by leniency: a header that does not begin with '{', names or metadata keys that occur
// twice (the library keeps the last), a tensor written as a list and a dtype as an object.
// Read as views: BOOL U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ I16 U16 F16 BF16 I32 U32 F32 C64 F64 I64
// U64 and F4 in rows of whole bytes.  The 6-bit floats and tensors of more than kMaxRank dimensions are refused when
// they are asked for, and do not keep the others from being read; `raw` has their bytes.
// Tests: src/formats/safetensors_test.cpp, tests/formats/test_safetensors.py; fuzz target: safetensors_fuzz.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/aligned_copies.h"
#include "formats/safetensors_header.h"
#include "formats/weights.h"
#include "sys/mapped_file.h"

namespace tidemill {

// A tensor as the file has it, whatever this build can do with it.
struct RawSafetensor {
  const SafetensorsType* type;
  std::span<const uint64_t> dims;  // outermost first
  std::span<const std::byte> data;
};

// Immutable after it is made, so all members may be called from several threads.
class SafetensorsFile final : public Weights {
 public:
  // Throws bad_file for a file that breaks a rule, and what MappedFile throws.
  explicit SafetensorsFile(const std::string& path);
  // Reads a file that already lies in memory, which must outlive the result.  `name` stands in messages.
  static SafetensorsFile from_memory(std::span<const std::byte> bytes, const std::string& name);

  const std::string& path() const override { return path_; }
  uint64_t size_bytes() const { return header_.data_offset + data_.size(); }  // of the file
  // In the order of their data.
  std::vector<std::string> names() const override;
  bool contains(std::string_view name) const { return entry(name) != nullptr; }
  // Elements begin at a multiple of their own size (of 8 at most), as the format does not promise: those that lie
  // otherwise in the file are copied when they are first asked for.  Throws unsupported for a tensor that no Tensor
  // can describe.
  std::optional<Tensor> find(std::string_view name) const override;
  void release(const Tensor& tensor) const override;

  // Valid as long as this object; nothing when absent.  Throws unsupported for more than kSafetensorsMaxKeptRank
  // dimensions.
  std::optional<RawSafetensor> raw(std::string_view name) const;

  // A value of `__metadata__`; nothing when absent.
  std::optional<std::string_view> metadata(std::string_view key) const;
  std::vector<std::string_view> metadata_keys() const;  // sorted

 private:
  SafetensorsFile() = default;
  void read(std::span<const std::byte> bytes);
  Tensor view(const SafetensorsEntry& entry) const;
  const SafetensorsEntry* entry(std::string_view name) const;
  std::span<const std::byte> data(const SafetensorsEntry& entry) const;
  [[noreturn]] void fail_unsupported(const SafetensorsEntry& entry, const std::string& why) const;

  std::string path_;
  std::optional<MappedFile> file_;  // nothing when the bytes belong to the caller
  SafetensorsHeader header_;
  std::span<const std::byte> data_;                                             // behind the header
  std::unique_ptr<AlignedCopies> aligned_ = std::make_unique<AlignedCopies>();  // on the heap: a mutex does not move
};

}  // namespace tidemill
