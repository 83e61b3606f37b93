// .tmdelta reader: the container.  docs/formats/delta.md specifies the format.
//
// A safetensors file with three tensors: `codes` (the codes of all parts one after another, in the order of the plan),
// `lengths` (the bytes of each) and `plan` (compress/delta/plan.h, one zstd frame).  That codes follow one another is
// what makes overlaps and holes impossible to write down; that their lengths add up is checked here.
// Tests: src/compress/delta/delta_file_test.cpp; fuzz target: delta_fuzz.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compress/delta/plan.h"
#include "formats/safetensors.h"

namespace tidemill {

inline constexpr int kDeltaVersion = 1;
inline constexpr std::string_view kDeltaFormat = "tmdelta";
inline constexpr std::string_view kCodesTensor = "codes";
inline constexpr std::string_view kLengthsTensor = "lengths";
inline constexpr std::string_view kPlanTensor = "plan";

// Immutable after it is made, so all members may be called from several threads.
class DeltaFile {
 public:
  // Throws bad_file for a file that breaks a rule, unsupported for a newer version, and what MappedFile throws.
  explicit DeltaFile(const std::string& path);
  // Reads a file that already lies in memory, which must outlive the result.  `name` stands in messages.
  static DeltaFile from_memory(std::span<const std::byte> bytes, const std::string& name);

  const std::string& path() const { return file_.path(); }
  const std::string& mode() const { return mode_; }
  const DeltaPlan& plan() const { return plan_; }
  uint64_t n_bytes() const { return n_bytes_; }  // of the file

  // Code `index`, counted over the whole plan.  Empty: the block is that of the base.
  std::span<const std::byte> code(uint64_t index) const;

 private:
  explicit DeltaFile(SafetensorsFile file);
  void check_metadata();
  std::span<const std::byte> bytes_of(std::string_view name) const;
  void read_lengths();
  [[noreturn]] void fail(const std::string& why) const;

  SafetensorsFile file_;
  std::string mode_;
  DeltaPlan plan_;
  uint64_t n_bytes_ = 0;
  std::span<const std::byte> codes_, lengths_;
  std::vector<uint64_t> begins_;  // of every kLengthsPerBegin-th code
};

}  // namespace tidemill
