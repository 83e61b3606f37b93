// Models split over several GGUF files, NAME-00001-of-00003.gguf and so on.
//
// Each part is a GGUF file of its own; metadata says which part it is (split.no, from 0), how many there are
// (split.count) and how many tensors all parts hold (split.tensors.count).  The model's metadata is in the first.
#pragma once

#include <string>

#include "formats/gguf.h"

namespace tidemill {

struct GgufSplit {
  int64_t part;  // from 0
  int64_t n_parts;
  int64_t n_tensors;  // in all parts

  bool operator==(const GgufSplit&) const = default;
};

// Whether metadata says that the model is in more than one file.
bool is_split(const GgufFile& file);

// Whether metadata under that key is about the parts.
bool is_split_key(std::string_view key);

// What a part of a split model says of itself; throws bad_file when keys are missing or make no sense.
GgufSplit split_of(const GgufFile& file);

// Path of part `part` (from 0) beside the first.  Throws bad_file unless `first` is named as the first of `n_parts`.
std::string split_part_path(const std::string& first, int64_t part, int64_t n_parts);

}  // namespace tidemill
