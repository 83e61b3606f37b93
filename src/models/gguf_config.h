// Hyperparameters from GGUF metadata, each checked against the range in which it makes sense.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "formats/gguf.h"

namespace tidemill {

// Reads the keys "ARCHITECTURE.NAME" of one file.  Getters throw bad_file, naming file and key, for a value that is
// missing (where there is no fallback), of another type or outside its range.
class GgufConfig {
 public:
  GgufConfig(const GgufFile& file, std::string architecture) : file_(file), prefix_(std::move(architecture) + ".") {}

  // A count: in [1, max].
  int64_t count(std::string_view name, int64_t max) const;
  int64_t count_or(std::string_view name, int64_t max, int64_t fallback) const;
  // The same where the file may list one for each layer, and 0 for layers that have none: the greatest.
  int64_t greatest_count_or(std::string_view name, int64_t max, int64_t fallback) const;
  bool has(std::string_view name) const;
  bool flag_or(std::string_view name, bool fallback) const;
  std::string text_or(std::string_view name, std::string_view fallback) const;
  // A finite number above zero.
  float positive(std::string_view name) const;
  float positive_or(std::string_view name, float fallback) const;

  const GgufFile& file() const { return file_; }
  [[noreturn]] void fail(std::string_view name, const std::string& why) const;

 private:
  std::string key(std::string_view name) const { return prefix_ + std::string(name); }

  const GgufFile& file_;
  std::string prefix_;
};

}  // namespace tidemill
