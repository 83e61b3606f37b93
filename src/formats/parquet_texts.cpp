#include "formats/parquet_texts.h"

#include <bit>
#include <cstring>

#include "formats/wording.h"

namespace tidemill {
namespace {

// The next of texts that lie one behind the other, each with its length in four bytes; nothing when they end before.
std::optional<std::string_view> take_text(std::span<const std::byte>& bytes) {
  uint32_t n_bytes = 0;
  if (bytes.size() < sizeof(n_bytes)) return std::nullopt;
  std::memcpy(&n_bytes, bytes.data(), sizeof(n_bytes));
  bytes = bytes.subspan(sizeof(n_bytes));
  if (n_bytes > bytes.size()) return std::nullopt;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), n_bytes);
  bytes = bytes.subspan(n_bytes);
  return text;
}

}  // namespace

ParquetTexts::ParquetTexts(const ParquetFile& file, const ParquetRowGroup& group, size_t column, size_t group_index)
    : column_(file.columns()[column]),
      pages_(file, column_, group.chunks[column],
             "row group " + std::to_string(group_index) + ", column " + quoted(column_.path)) {}

std::optional<std::string_view> ParquetTexts::next() {
  while (n_left_ == 0) begin_page();
  --n_left_;
  if (column_.max_definition > 0) {
    uint32_t level = 0;
    if (!levels_.next(level)) pages_.fail("has fewer levels than values");
    if (level > static_cast<uint32_t>(column_.max_definition)) pages_.fail("has a level that cannot be");
    if (level < static_cast<uint32_t>(column_.max_definition)) return std::nullopt;
  }
  return is_indexed_ ? take_indexed() : take_plain();
}

void ParquetTexts::begin_page() {
  // The dictionary stays; all data pages share the other buffer.
  auto page = pages_.next(dictionary_.empty() ? dictionary_bytes_ : buffer_);
  if (!page) pages_.fail("has fewer values than rows");
  if (page->is_dictionary) return read_dictionary(*page);
  n_left_ = page->n_values;
  levels_ = ParquetRunReader(page->definition_levels, std::bit_width(static_cast<unsigned>(column_.max_definition)));
  switch (page->encoding) {
    case ParquetEncoding::plain:
      is_indexed_ = false;
      values_ = page->values;
      return;
    case ParquetEncoding::plain_dictionary:
    case ParquetEncoding::rle_dictionary: {
      is_indexed_ = true;
      if (page->values.empty()) {  // nothing but nulls
        indices_ = ParquetRunReader({}, 1);
        return;
      }
      const auto bit_width = static_cast<int>(page->values[0]);
      if (bit_width > 32) pages_.fail("has indices of more than 32 bits");
      indices_ = ParquetRunReader(page->values.subspan(1), bit_width);
      return;
    }
    case ParquetEncoding::delta_length_byte_array:
      pages_.refuse("has the encoding DELTA_LENGTH_BYTE_ARRAY, known are PLAIN and RLE_DICTIONARY");
    case ParquetEncoding::delta_byte_array:
      pages_.refuse("has the encoding DELTA_BYTE_ARRAY, known are PLAIN and RLE_DICTIONARY");
    default:
      pages_.fail("has an encoding that texts do not have");
  }
}

void ParquetTexts::read_dictionary(const ParquetPage& page) {
  if (!dictionary_.empty()) pages_.fail("has two dictionaries");
  const bool is_plain = page.encoding == ParquetEncoding::plain || page.encoding == ParquetEncoding::plain_dictionary;
  if (!is_plain) pages_.fail("has a dictionary of an encoding that dictionaries do not have");
  std::span<const std::byte> bytes = page.values;
  for (int64_t i = 0; i < page.n_values; ++i) {
    const auto text = take_text(bytes);
    if (!text) pages_.fail("has a dictionary that ends too early");
    dictionary_.push_back(*text);
  }
}

std::string_view ParquetTexts::take_plain() {
  const auto text = take_text(values_);
  if (!text) pages_.fail("has a page that ends too early");
  return *text;
}

std::string_view ParquetTexts::take_indexed() {
  uint32_t index = 0;
  if (!indices_.next(index)) pages_.fail("has a page that ends too early");
  if (index >= dictionary_.size()) pages_.fail("has an index outside of its dictionary");
  return dictionary_[index];
}

}  // namespace tidemill
