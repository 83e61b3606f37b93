// A Parquet file with one column more: vectors of floats, one for each row.
//
// Everything else of a file is written as it stands there, pages byte for byte, so columns of any type and codec come
// through unchanged.  Left out is what holds for the old file alone: page indexes, bloom filters, and the schemas that
// Arrow and Hugging Face's datasets add for themselves.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/parquet_file.h"
#include "formats/parquet_levels.h"

namespace tidemill {

class ParquetWriter {
 public:
  using Sink = std::function<void(std::span<const std::byte> bytes)>;  // appends to the new file

  // Writes the beginning of `file` with the new column `name`.  Throws invalid_argument when it has such a column.
  // `file` outlives this.
  ParquetWriter(const ParquetFile& file, std::string name, Sink sink);

  // Row groups one after the other: `begin`, then the vectors of their rows from first to last, then `end`.
  void begin_group(const ParquetRowGroup& group);
  // A page of rows: `has_vector` of each, and a vector for those that have one.
  void write_rows(const std::vector<bool>& has_vector, std::span<const std::vector<float>> vectors);
  void end_group();
  // The footer; nothing may follow.
  void finish();

  int64_t n_written() const { return n_written_; }  // bytes

 private:
  struct Vectors {  // the new column in the group that is being written
    int64_t begin = 0;
    int64_t n_values = 0;
    int64_t n_bytes = 0;
  };

  void write(std::string_view bytes);
  void copy(std::span<const std::byte> pages);
  std::string chunk_description(const ParquetChunk& chunk, int64_t begin) const;
  std::string vectors_description() const;
  std::string schema_root() const;
  std::string new_elements() const;

  const ParquetFile& file_;
  std::string name_;
  Sink sink_;
  int64_t n_written_ = 0;
  int64_t n_copied_ = 0;
  ParquetRowGroup group_;
  std::vector<int64_t> chunk_begins_;
  Vectors vectors_;
  std::string groups_;  // structures of the footer
  size_t n_groups_ = 0;
  int64_t n_rows_ = 0;
};

}  // namespace tidemill
