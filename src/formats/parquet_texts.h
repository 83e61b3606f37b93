// The texts of a column, one after the other, a page in memory at a time and the dictionary of the row group.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/parquet_delta.h"
#include "formats/parquet_levels.h"
#include "formats/parquet_pages.h"

namespace tidemill {

// Of one row group.
class ParquetTexts {
 public:
  // `column` is what ParquetFile::text_column gave.  `file` and `group` outlive this.
  ParquetTexts(const ParquetFile& file, const ParquetRowGroup& group, size_t column, size_t group_index);

  // The text of the next row, or nothing for one that has none; valid until the next call.  Called n_rows times at
  // most.  Throws bad_file and unsupported.
  std::optional<std::string_view> next();

 private:
  void begin_page();
  void begin_values(const ParquetPage& page);
  ParquetDeltaReader take_numbers();
  void read_dictionary(const ParquetPage& page);
  std::string_view take_plain();
  std::string_view take_indexed();
  std::string_view take_delta_length();
  std::string_view take_delta();

  const ParquetColumn& column_;
  ParquetPages pages_;
  PageBuffer dictionary_bytes_;
  std::vector<std::string_view> dictionary_;
  PageBuffer buffer_;
  int64_t n_left_ = 0;                                  // rows of the page
  std::string_view (ParquetTexts::*take_)() = nullptr;  // by the encoding of the page
  ParquetRunReader levels_;
  ParquetRunReader indices_;
  ParquetDeltaReader lengths_;
  ParquetDeltaReader prefixes_;        // what texts share with the one before, in bytes
  std::string text_;                   // the one before, where texts share prefixes
  std::span<const std::byte> values_;  // that are left of a page that is not indexed
};

}  // namespace tidemill
