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
  return (this->*take_)();
}

void ParquetTexts::begin_page() {
  // The dictionary stays; all data pages share the other buffer.
  auto page = pages_.next(dictionary_.empty() ? dictionary_bytes_ : buffer_);
  if (!page) pages_.fail("has fewer values than rows");
  if (page->is_dictionary) return read_dictionary(*page);
  n_left_ = page->n_values;
  levels_ = ParquetRunReader(page->definition_levels, std::bit_width(static_cast<unsigned>(column_.max_definition)));
  begin_values(*page);
}

void ParquetTexts::begin_values(const ParquetPage& page) {
  values_ = page.values;
  switch (page.encoding) {
    case ParquetEncoding::plain:
      take_ = &ParquetTexts::take_plain;
      return;
    case ParquetEncoding::plain_dictionary:
    case ParquetEncoding::rle_dictionary: {
      take_ = &ParquetTexts::take_indexed;
      indices_ = ParquetRunReader({}, 1);
      if (values_.empty()) return;  // nothing but nulls
      const auto bit_width = static_cast<int>(values_[0]);
      if (bit_width > 32) pages_.fail("has indices of more than 32 bits");
      indices_ = ParquetRunReader(values_.subspan(1), bit_width);
      return;
    }
    case ParquetEncoding::delta_length_byte_array:
      take_ = &ParquetTexts::take_delta_length;
      lengths_ = take_numbers();
      return;
    case ParquetEncoding::delta_byte_array:
      take_ = &ParquetTexts::take_delta;
      prefixes_ = take_numbers();
      lengths_ = take_numbers();
      text_.clear();
      return;
    default:
      pages_.fail("has an encoding that texts do not have");
  }
}

// Numbers that stand before what is left of the values.
ParquetDeltaReader ParquetTexts::take_numbers() {
  size_t end = 0;
  if (values_.empty()) return {};  // nothing but nulls
  if (!ParquetDeltaReader::find_end(values_, end)) pages_.fail("has lengths that are none");
  const ParquetDeltaReader numbers(values_.first(end));
  values_ = values_.subspan(end);
  return numbers;
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

std::string_view ParquetTexts::take_delta_length() {
  int64_t n_bytes = 0;
  if (!lengths_.next(n_bytes) || n_bytes < 0 || n_bytes > std::ssize(values_))
    pages_.fail("has a page that ends too early");
  const std::string_view text(reinterpret_cast<const char*>(values_.data()), static_cast<size_t>(n_bytes));
  values_ = values_.subspan(text.size());
  return text;
}

std::string_view ParquetTexts::take_delta() {
  int64_t n_shared = 0;
  if (!prefixes_.next(n_shared) || n_shared < 0 || n_shared > std::ssize(text_))
    pages_.fail("has a text that shares more than there is");
  text_.resize(static_cast<size_t>(n_shared));
  text_ += take_delta_length();
  return text_;
}

}  // namespace tidemill
