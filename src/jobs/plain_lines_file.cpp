// Text files: a text a line in, NumPy's .npy of float32 [lines, dimensions] out.
// Format: NumPy Enhancement Proposal 1, "A Simple File Format for NumPy Arrays", version 1.0.
#include <bit>

#include "jobs/line_reader.h"
#include "jobs/text_file.h"
#include "sys/atomic_file.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

static_assert(std::endian::native == std::endian::little, "vectors are written as they lie in memory");

int64_t count_lines(const std::string& path) {
  LineReader lines(path);
  std::string_view line;
  while (lines.next(line)) {
  }
  return lines.line_number();
}

// The array begins at a multiple of 64 bytes.
std::string npy_header(int64_t n_rows, int64_t n_columns) {
  std::string fields = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(n_rows) + ", " +
                       std::to_string(n_columns) + "), }";
  constexpr size_t kBefore = 10;  // magic, version, length
  while ((kBefore + fields.size() + 1) % 64 != 0) fields += ' ';
  fields += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(fields.size() & 0xff);
  header += static_cast<char>(fields.size() >> 8);
  return header + fields;
}

class PlainLinesFile : public TextFile {
 public:
  PlainLinesFile(const JobFile& file, const TextColumns& columns)
      : path_(file.input), n_rows_(count_lines(file.input)), lines_(file.input), out_(file.output) {
    out_.write(npy_header(n_rows_, columns.dimensions));
  }

  TextBlock read() override {
    TextBlock block;
    const int64_t n_before = lines_.n_read();
    std::string_view line;
    size_t n_bytes = 0;
    while (block.texts.size() < kBlockTexts && n_bytes < kBlockBytes && lines_.next(line)) {
      block.texts.emplace_back(line);
      n_bytes += line.size();
    }
    block.has_text.assign(block.texts.size(), true);
    block.n_bytes = lines_.n_read() - n_before;
    return block;
  }

  void write(const TextBlock&, std::span<const std::vector<float>> vectors) override {
    for (const auto& vector : vectors)
      out_.write({reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float)});
  }

  int64_t commit() override {
    if (lines_.line_number() != n_rows_)
      throw Error(ErrorCode::io, path_ + ": has changed while it was read; start again");
    out_.commit();
    return out_.n_written();
  }

 private:
  std::string path_;
  int64_t n_rows_;
  LineReader lines_;
  AtomicFile out_;
};

}  // namespace

std::unique_ptr<TextFile> open_plain_lines(const JobFile& file, const TextColumns& columns) {
  return std::make_unique<PlainLinesFile>(file, columns);
}

}  // namespace tidemill
