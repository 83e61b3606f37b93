// Fuzz target: any bytes as a Parquet file.  Reads the texts of each column that may have some, and writes the file
// with a column of vectors more, which must be one again.  Seeds: tests/fuzz/corpus/parquet, made by
// tests/fuzz/make_parquet_corpus.py.
#include <algorithm>
#include <stdexcept>
#include <string>

#include "formats/fuzz_bytes.h"
#include "formats/parquet_texts.h"
#include "formats/parquet_writer.h"

namespace tidemill {
namespace {

// A few bytes may stand for billions of rows without texts.
constexpr int64_t kMaxRows = 20'000;

bool has_few_rows(const ParquetFile& file) {
  int64_t n = 0;
  for (size_t group = 0; group < file.n_row_groups(); ++group) n += std::min(file.row_group(group).n_rows, kMaxRows);
  return n < kMaxRows;
}

std::vector<std::vector<bool>> read_texts(const ParquetFile& file, size_t column) {
  std::vector<std::vector<bool>> has_text;
  size_t n_bytes = 0;
  for (size_t index = 0; index < file.n_row_groups(); ++index) {
    const ParquetRowGroup group = file.row_group(index);
    has_text.emplace_back();
    if (group.n_rows == 0) continue;
    ParquetTexts texts(file, group, column, index);
    for (int64_t row = 0; row < group.n_rows; ++row) {
      const auto text = texts.next();
      has_text.back().push_back(text.has_value());
      if (!text) continue;
      for (const char c : *text) n_bytes += c == 'x' ? 2 : 1;  // all of it is read
    }
  }
  volatile size_t seen = n_bytes;
  static_cast<void>(seen);
  return has_text;
}

std::string with_vectors(const ParquetFile& file, const std::vector<std::vector<bool>>& has_text) {
  std::string text;
  ParquetWriter writer(file, "v", [&](std::span<const std::byte> bytes) {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
  for (size_t index = 0; index < file.n_row_groups(); ++index) {
    writer.begin_group(file.row_group(index));
    const auto n = static_cast<size_t>(std::count(has_text[index].begin(), has_text[index].end(), true));
    if (!has_text[index].empty()) writer.write_rows(has_text[index], std::vector<std::vector<float>>(n, {1, 2}));
    writer.end_group();
  }
  writer.finish();
  return text;
}

void try_column(const ParquetFile& file, size_t column) {
  const auto refusals = {ErrorCode::bad_file, ErrorCode::unsupported, ErrorCode::invalid_argument};
  allow_refusals(refusals, [&] {
    const auto has_text = read_texts(file, file.text_column(file.columns()[column].path));
    const std::string text = with_vectors(file, has_text);
    const auto again = ParquetFile::from_memory(std::as_bytes(std::span(text)), "again.parquet");
    if (again.columns().size() != file.columns().size() + 1 || again.n_row_groups() != file.n_row_groups())
      throw std::logic_error("the file with vectors differs");
  });
}

}  // namespace
}  // namespace tidemill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemill;
  return fuzz_bytes(data, size, {ErrorCode::bad_file, ErrorCode::unsupported}, [](std::span<const std::byte> bytes) {
    const auto file = ParquetFile::from_memory(bytes, "fuzz.parquet");
    if (!has_few_rows(file)) return;
    for (size_t column = 0; column < std::min<size_t>(file.columns().size(), 8); ++column) try_column(file, column);
  });
}
