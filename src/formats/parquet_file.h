// A Parquet file: schema, row groups, where the pages of a column lie.  What is not needed stays bytes, so that it can
// be written again as it is.
// Specification: Apache Parquet, README.md and src/main/thrift/parquet.thrift of parquet-format 2.11.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sys/mapped_file.h"

namespace tidemill {

enum class ParquetType : uint8_t { boolean, int32, int64, int96, float32, float64, bytes, fixed_bytes };
enum class ParquetCodec : uint8_t { none, snappy, gzip, lzo, brotli, lz4, zstd, lz4_raw };

// A column that holds values: a leaf of the schema.
struct ParquetColumn {
  std::string path = {};  // names from below the root, joined by dots
  ParquetType type = ParquetType::bytes;
  int64_t annotation = -1;  // ConvertedType: what the bytes mean; -1 for none
  int max_definition = 0;   // how many of the fields on the way are optional or repeated
  int max_repetition = 0;   // how many are repeated
};

// The values of a column in a row group.
struct ParquetChunk {
  ParquetType type = ParquetType::bytes;
  ParquetCodec codec = ParquetCodec::none;
  int64_t n_values = 0;
  size_t begin = 0;  // of the pages, in the file
  size_t n_bytes = 0;
  std::span<const std::byte> description = {};  // ColumnMetaData
};

struct ParquetRowGroup {
  int64_t n_rows = 0;
  std::vector<ParquetChunk> chunks = {};        // one for each column
  std::span<const std::byte> description = {};  // RowGroup
};

class ParquetFile {
 public:
  // Throws what MappedFile throws, bad_file for what is no whole Parquet file, and unsupported for an encrypted one.
  explicit ParquetFile(const std::string& path);
  // The same over bytes that outlive this.
  static ParquetFile from_memory(std::span<const std::byte> bytes, const std::string& name);

  const std::string& name() const { return name_; }
  int64_t n_rows() const { return n_rows_; }
  const std::vector<ParquetColumn>& columns() const { return columns_; }
  // The index of the column of texts that is called so.  Throws bad_file when there is none, naming those that there
  // are, and unsupported when it is no column of texts: of another type, or in a list.
  size_t text_column(const std::string& path) const;

  size_t n_row_groups() const { return row_groups_.size(); }
  // Throws bad_file, and unsupported for what lies in another file or is encrypted.
  ParquetRowGroup row_group(size_t index) const;

  std::span<const std::byte> bytes() const { return bytes_; }
  // Lets the memory of a part of the file go.
  void release(std::span<const std::byte> part) const;

  // The parts of the footer, for one who writes another: elements of the schema, the root first; key-value pairs; what
  // follows.  Empty where the file has none.
  const std::vector<std::span<const std::byte>>& schema() const { return schema_; }
  const std::vector<std::span<const std::byte>>& metadata() const { return metadata_; }
  std::string_view created_by() const { return created_by_; }
  int64_t version() const { return version_; }
  // The list of column orders without its head; nothing when there is none.
  std::optional<std::span<const std::byte>> column_orders() const { return column_orders_; }

 private:
  ParquetFile() = default;
  void read_footer();
  ParquetChunk read_chunk(class ThriftReader& reader) const;

  std::string name_;
  std::optional<MappedFile> mapped_;
  std::span<const std::byte> bytes_;
  int64_t version_ = 1;
  int64_t n_rows_ = 0;
  std::string_view created_by_;
  std::vector<ParquetColumn> columns_;
  std::vector<std::span<const std::byte>> schema_;
  std::vector<std::span<const std::byte>> metadata_;
  std::vector<std::span<const std::byte>> row_groups_;
  std::optional<std::span<const std::byte>> column_orders_;
};

}  // namespace tidemill
