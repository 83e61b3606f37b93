// One file of a job: texts are read from it by blocks, and written with their vectors.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "jobs/job_files.h"

namespace tidemill {

// Neighbouring rows of a file.
struct TextBlock {
  std::vector<std::string> texts = {};  // of rows that have one
  std::vector<bool> has_text = {};      // of each row
  std::vector<std::string> rows = {};   // what the writer wants to have back of each row, where it wants anything
  int64_t n_bytes = 0;                  // of input
  size_t tag = 0;                       // the file's own
};

// Blocks are read ahead of being written, each is written once, in the order in which they were read.  Not
// thread-safe.
class TextFile {
 public:
  virtual ~TextFile() = default;
  // The next rows; none at the end.  Throws bad_file, naming file and place, and io.
  virtual TextBlock read() = 0;
  // A vector for each of the block's texts.  Throws io.
  virtual void write(const TextBlock& block, std::span<const std::vector<float>> vectors) = 0;
  // Puts the output in its place, on the disk; returns its size in bytes.  Nothing may follow.
  virtual int64_t commit() = 0;
};

struct TextColumns {
  std::string text;
  std::string vector;
  int64_t dimensions = 0;
};

// Opens an input and its output.  Throws not_found, bad_file and io.
std::unique_ptr<TextFile> open_text_file(const JobFile& file, const TextColumns& columns);

std::unique_ptr<TextFile> open_json_lines(const JobFile& file, const TextColumns& columns);
std::unique_ptr<TextFile> open_plain_lines(const JobFile& file, const TextColumns& columns);
std::unique_ptr<TextFile> open_parquet_texts(const JobFile& file, const TextColumns& columns);

// What a block holds at most, so that a pass of the model is full and memory small.
inline constexpr size_t kBlockTexts = 128;
inline constexpr size_t kBlockBytes = size_t{1} << 20;

}  // namespace tidemill
