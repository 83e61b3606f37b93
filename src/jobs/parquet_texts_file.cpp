// Parquet: the same file with one column more.
#include <filesystem>

#include "formats/parquet_texts.h"
#include "formats/parquet_writer.h"
#include "jobs/text_file.h"
#include "sys/atomic_file.h"

namespace tidemill {
namespace {

// Blocks hold rows of one row group, whose number is their tag.
class ParquetTextsFile : public TextFile {
 public:
  ParquetTextsFile(const JobFile& file, const TextColumns& columns)
      : file_(file.input),
        column_(file_.text_column(columns.text)),
        n_bytes_(file.n_bytes),
        out_(file.output),
        writer_(file_, columns.vector, [this](std::span<const std::byte> bytes) { out_.write(bytes); }) {}

  TextBlock read() override {
    while (n_left_ == 0) {
      if (reading_ == file_.n_row_groups()) return {};
      begin_reading();
    }
    TextBlock block{.tag = reading_ - 1};
    size_t n_bytes = 0;
    constexpr size_t kBlockRows = 4096;  // most of which may have no text
    while (n_left_ > 0 && block.has_text.size() < kBlockRows && block.texts.size() < kBlockTexts &&
           n_bytes < kBlockBytes) {
      --n_left_;
      const auto text = texts_->next();
      block.has_text.push_back(text.has_value());
      if (!text) continue;
      block.texts.emplace_back(*text);
      n_bytes += text->size();
    }
    if (file_.n_rows() > 0)
      block.n_bytes = static_cast<int64_t>(static_cast<double>(n_bytes_) * static_cast<double>(block.has_text.size()) /
                                           static_cast<double>(file_.n_rows()));
    return block;
  }

  void write(const TextBlock& block, std::span<const std::vector<float>> vectors) override {
    write_groups_up_to(block.tag);
    writer_.write_rows(block.has_text, vectors);
  }

  int64_t commit() override {
    if (file_.n_row_groups() > 0) write_groups_up_to(file_.n_row_groups() - 1);
    if (written_ > 0) writer_.end_group();
    writer_.finish();
    out_.commit();
    return writer_.n_written();
  }

 private:
  void begin_reading() {
    group_ = file_.row_group(reading_);
    n_left_ = group_.n_rows;
    if (n_left_ > 0) texts_.emplace(file_, group_, column_, reading_);
    ++reading_;
  }

  // Ends the group that is being written and begins the next, until `index` is begun.
  void write_groups_up_to(size_t index) {
    for (; written_ <= index; ++written_) {
      if (written_ > 0) writer_.end_group();
      writer_.begin_group(file_.row_group(written_));
    }
  }

  ParquetFile file_;
  size_t column_;
  int64_t n_bytes_;
  size_t reading_ = 0;  // groups that have been begun
  size_t written_ = 0;  // likewise
  ParquetRowGroup group_;
  std::optional<ParquetTexts> texts_;
  int64_t n_left_ = 0;  // rows of the group
  AtomicFile out_;
  ParquetWriter writer_;
};

}  // namespace

std::unique_ptr<TextFile> open_parquet_texts(const JobFile& file, const TextColumns& columns) {
  return std::make_unique<ParquetTextsFile>(file, columns);
}

}  // namespace tidemill
