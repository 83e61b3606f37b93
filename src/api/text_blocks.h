// Text files of any size, read in blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace tidemill {

// Used by one thread at a time.
class TextBlocks {
 public:
  // Opens every file once, so that a wrong name shows before any work is done; "-" is standard input.  `check` is
  // told which share of the files is read before every read, also after one that a signal interrupted; it may throw.
  // Throws invalid_argument when there is no file, not_found, bad_file for a folder, io.
  TextBlocks(std::vector<std::string> files, std::function<void(double share)> check);
  ~TextBlocks();
  TextBlocks(const TextBlocks&) = delete;
  TextBlocks& operator=(const TextBlocks&) = delete;

  // The next block, some MiB that end where a line or the file does, or between two words of a long line; false at the
  // end. Throws io, what `check` throws, bad_file for a line of 256 MiB that cannot be cut.
  bool next(std::string& block);

  int64_t n_read() const { return n_read_; }  // bytes

 private:
  bool read_more(std::string& block);

  std::vector<std::string> files_;
  std::function<void(double)> check_;
  size_t next_file_ = 0;
  int fd_ = -1;  // of the file before next_file_
  std::string rest_;
  int64_t n_read_ = 0;
  int64_t n_bytes_ = 0;  // of all files; pipes count 0
};

}  // namespace tidemill
