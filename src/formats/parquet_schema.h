// The schema of a Parquet file: a tree, written depth first.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "formats/parquet_file.h"

namespace tidemill {

// The leaves of the tree whose elements are `schema`, the root first.  Throws bad_file for what is no tree.
std::vector<ParquetColumn> parquet_columns(const std::vector<std::span<const std::byte>>& schema,
                                           const std::string& file);

struct ParquetElement {
  std::string_view name = {};
  int64_t type = -1;        // -1: a group
  int64_t repetition = 0;   // 0: required, 1: optional, 2: repeated
  int64_t n_children = 0;   // of a group
  int64_t annotation = -1;  // ConvertedType
};

// Throws bad_file.
ParquetElement parquet_element(std::span<const std::byte> bytes, const std::string& file);

}  // namespace tidemill
