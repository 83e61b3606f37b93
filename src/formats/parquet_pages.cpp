#include "formats/parquet_pages.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "formats/thrift_compact.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

// Above what writers make (DuckDB: 100 MB), below what would be trouble.
constexpr int64_t kMaxPageBytes = int64_t{256} << 20;
constexpr int64_t kMaxValues = int64_t{1} << 31;

enum class PageType : uint8_t { data = 0, index = 1, dictionary = 2, data_v2 = 3 };

}  // namespace

struct ParquetPages::Header {
  PageType type = PageType::data;
  size_t n_bytes = 0;         // unpacked
  size_t n_packed_bytes = 0;  // behind the header
  std::optional<uint32_t> checksum = {};
  int64_t n_values = -1;
  ParquetEncoding encoding = ParquetEncoding::plain;
  ParquetEncoding level_encoding = ParquetEncoding::rle;
  size_t n_definition_bytes = 0;  // of version 2
  size_t n_repetition_bytes = 0;
  bool is_packed = true;
};

ParquetPages::ParquetPages(const ParquetFile& file, const ParquetColumn& column, const ParquetChunk& chunk,
                           std::string place)
    : file_(file),
      column_(column),
      codec_(chunk.codec),
      place_(std::move(place)),
      rest_(file.bytes().subspan(chunk.begin, chunk.n_bytes)) {}

void ParquetPages::fail(const std::string& why) const {
  throw Error(ErrorCode::bad_file, file_.name() + ": " + place_ + ": " + why + "; the file is damaged, get it again");
}

void ParquetPages::refuse(const std::string& why) const {
  throw Error(ErrorCode::unsupported,
              file_.name() + ": " + place_ + ": " + why + "; write the file anew, with pyarrow's defaults for example");
}

ParquetPages::Header ParquetPages::read_header() {
  ThriftReader reader(rest_, file_.name(), place_);
  Header header;
  const auto encoding = [&](const ThriftField& field) {
    return static_cast<ParquetEncoding>(reader.integer(field, 0, 255));
  };
  const auto read_data = [&](const ThriftField& field) {
    if (field.id == 1) return header.n_values = reader.integer(field, 0, kMaxValues), true;
    if (field.id == 2) return header.encoding = encoding(field), true;
    // A dictionary has its first two fields in common with data.
    if (field.id == 3 && header.type == PageType::data) return header.level_encoding = encoding(field), true;
    return false;
  };
  const auto read_data_v2 = [&](const ThriftField& field) {
    if (field.id == 1) return header.n_values = reader.integer(field, 0, kMaxValues), true;
    if (field.id == 4) return header.encoding = encoding(field), true;
    if (field.id == 5)
      return header.n_definition_bytes = static_cast<size_t>(reader.integer(field, 0, kMaxPageBytes)), true;
    if (field.id == 6)
      return header.n_repetition_bytes = static_cast<size_t>(reader.integer(field, 0, kMaxPageBytes)), true;
    if (field.id == 7) {
      header.is_packed = field.type == ThriftType::boolean_true;
      return header.is_packed || field.type == ThriftType::boolean_false;
    }
    return false;
  };
  reader.structure([&](const ThriftField& field) {
    switch (field.id) {
      case 1:
        header.type = static_cast<PageType>(reader.integer(field, 0, 3));
        return true;
      case 2:
        header.n_bytes = static_cast<size_t>(reader.integer(field, 0, kMaxPageBytes));
        return true;
      case 3:
        header.n_packed_bytes = static_cast<size_t>(reader.integer(field, 0, kMaxPageBytes));
        return true;
      case 4:
        header.checksum = static_cast<uint32_t>(reader.integer(field, INT32_MIN, INT32_MAX));
        return true;
      case 5:
      case 7:
        reader.expect(field, ThriftType::structure);
        reader.structure(read_data);
        return true;
      case 8:
        reader.expect(field, ThriftType::structure);
        reader.structure(read_data_v2);
        return true;
      default:
        return false;
    }
  });
  rest_ = rest_.subspan(reader.position());
  return header;
}

std::optional<ParquetPage> ParquetPages::next(PageBuffer& buffer) {
  while (!rest_.empty()) {
    const Header header = read_header();
    if (header.n_packed_bytes > rest_.size()) fail("has a page that is longer than the column");
    const auto body = rest_.first(header.n_packed_bytes);
    rest_ = rest_.subspan(header.n_packed_bytes);
    if (header.type == PageType::index) continue;
    if (header.n_values < 0) fail("has a page that does not say how many values it holds");
    if (header.checksum &&
        crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size())) != *header.checksum)
      fail("has a page whose checksum is wrong");
    return unpack(header, body, buffer);
  }
  return std::nullopt;
}

std::span<const std::byte> ParquetPages::unpacked(std::span<const std::byte> packed, size_t n_bytes,
                                                  PageBuffer& buffer) const {
  const bool is_known = codec_ == ParquetCodec::none || codec_ == ParquetCodec::snappy ||
                        codec_ == ParquetCodec::gzip || codec_ == ParquetCodec::zstd;
  if (!is_known) refuse(std::string("is packed with ") + to_string(codec_) + ", known are none, snappy, gzip and zstd");
  // No page of values is smaller than none; some writers pack nothing into nothing.
  if (n_bytes == 0) return {};
  if (codec_ == ParquetCodec::none && packed.size() == n_bytes) return packed;
  if (!decompress(codec_, packed, buffer.resize(n_bytes)))
    fail(std::string("has a page that is not what ") + to_string(codec_) + " makes of " + std::to_string(n_bytes) +
         " bytes");
  return buffer.bytes();
}

ParquetPage ParquetPages::unpack(const Header& header, std::span<const std::byte> body, PageBuffer& buffer) const {
  ParquetPage page{
      .is_dictionary = header.type == PageType::dictionary, .n_values = header.n_values, .encoding = header.encoding};
  if (header.type == PageType::data_v2) {
    const size_t n_levels = header.n_repetition_bytes + header.n_definition_bytes;
    if (n_levels > body.size() || n_levels > header.n_bytes) fail("has levels that are longer than their page");
    page.definition_levels = body.subspan(header.n_repetition_bytes, header.n_definition_bytes);
    page.values = body.subspan(n_levels);
    if (header.is_packed) page.values = unpacked(page.values, header.n_bytes - n_levels, buffer);
    return page;
  }
  page.values = unpacked(body, header.n_bytes, buffer);
  if (page.is_dictionary || column_.max_definition == 0) return page;
  if (header.level_encoding != ParquetEncoding::rle) refuse("has levels of an encoding that is not known here");
  uint32_t n_levels = 0;
  if (page.values.size() < sizeof(n_levels)) fail("has a page without levels");
  std::memcpy(&n_levels, page.values.data(), sizeof(n_levels));
  if (n_levels > page.values.size() - sizeof(n_levels)) fail("has levels that are longer than their page");
  page.definition_levels = page.values.subspan(sizeof(n_levels), n_levels);
  page.values = page.values.subspan(sizeof(n_levels) + n_levels);
  return page;
}

}  // namespace tidemill
