#include "formats/gguf_split.h"

#include <cstdio>

#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr int64_t kMaxParts = 99999;  // five digits in the name

// "-00002-of-00003.gguf" for part 1 of 3.
std::string suffix(int64_t part, int64_t n_parts) {
  char text[64];
  std::snprintf(text, sizeof text, "-%05lld-of-%05lld.gguf", static_cast<long long>(part + 1),
                static_cast<long long>(n_parts));
  return text;
}

int64_t required(const GgufFile& file, const std::string& key, int64_t min, int64_t max) {
  const auto value = file.integer(key);
  if (value && *value >= min && *value <= max) return *value;
  throw Error(ErrorCode::bad_file, file.path() + ": metadata '" + key + "' is " +
                                       (value ? std::to_string(*value) : "missing") + ", expected " +
                                       std::to_string(min) + " to " + std::to_string(max) +
                                       "; the file is damaged, download it again");
}

}  // namespace

bool is_split(const GgufFile& file) {
  return file.integer("split.count").value_or(1) > 1;
}

bool is_split_key(std::string_view key) {
  return key.starts_with("split.");
}

GgufSplit split_of(const GgufFile& file) {
  GgufSplit split{};
  split.n_parts = required(file, "split.count", 1, kMaxParts);
  split.part = required(file, "split.no", 0, split.n_parts - 1);
  split.n_tensors = required(file, "split.tensors.count", 0, static_cast<int64_t>(kGgufMaxTensors));
  return split;
}

std::string split_part_path(const std::string& first, int64_t part, int64_t n_parts) {
  const std::string expected = suffix(0, n_parts);
  if (!first.ends_with(expected)) {
    throw Error(ErrorCode::bad_file, first + ": the first of " + std::to_string(n_parts) +
                                         " parts of a model, but its name does not end in " + expected +
                                         "; give all parts their original names");
  }
  return first.substr(0, first.size() - expected.size()) + suffix(part, n_parts);
}

}  // namespace tidemill
