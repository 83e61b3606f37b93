// The pages of a column in a row group, unpacked one after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "formats/decompress.h"
#include "formats/parquet_file.h"

namespace tidemill {

enum class ParquetEncoding : uint8_t {
  plain = 0,
  plain_dictionary = 2,  // the same as rle_dictionary in older files
  rle = 3,
  bit_packed = 4,
  delta_binary_packed = 5,
  delta_length_byte_array = 6,
  delta_byte_array = 7,
  rle_dictionary = 8,
  byte_stream_split = 9,
};

struct ParquetPage {
  bool is_dictionary = false;
  int64_t n_values = 0;
  ParquetEncoding encoding = ParquetEncoding::plain;
  // Of a column that is in no list; without a length before them.
  std::span<const std::byte> definition_levels = {};
  std::span<const std::byte> values = {};
};

// Of a column that is in no list.
class ParquetPages {
 public:
  // `file` and `buffer` outlive this; `place` is for messages: "row group 3, column 'text'".
  ParquetPages(const ParquetFile& file, const ParquetColumn& column, const ParquetChunk& chunk, std::string place);

  // The next page, unpacked into `buffer`, to which it may point; nothing at the end of the chunk.  Throws bad_file,
  // also for a checksum that is wrong, and unsupported for a codec or an encoding of levels that is not known here.
  std::optional<ParquetPage> next(PageBuffer& buffer);

  [[noreturn]] void fail(const std::string& why) const;
  [[noreturn]] void refuse(const std::string& why) const;

 private:
  struct Header;
  Header read_header();
  ParquetPage unpack(const Header& header, std::span<const std::byte> body, PageBuffer& buffer) const;
  std::span<const std::byte> unpacked(std::span<const std::byte> packed, size_t n_bytes, PageBuffer& buffer) const;

  const ParquetFile& file_;
  const ParquetColumn& column_;
  ParquetCodec codec_;
  std::string place_;
  std::span<const std::byte> rest_;
};

}  // namespace tidemill
