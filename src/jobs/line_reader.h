// A text file line by line, in memory of a line and a block.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidemill {

class LineReader {
 public:
  static constexpr size_t kMaxLine = size_t{64} << 20;

  // Throws not_found, bad_file for what is no regular file, and io.
  explicit LineReader(const std::string& path);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // The next line without its end ("\n" or "\r\n"), valid until the next call; false at the end of the file, where a
  // last line needs no end.  Throws io, and bad_file naming the line that is longer than kMaxLine.
  bool next(std::string_view& line);

  int64_t line_number() const { return n_lines_; }  // of the line that was read last, from 1
  int64_t n_read() const { return n_read_; }        // bytes, up to the end of that line

 private:
  bool fill();

  std::string path_;
  int fd_ = -1;
  std::string buffer_;
  size_t begin_ = 0;  // of what has not been given out
  int64_t n_lines_ = 0;
  int64_t n_read_ = 0;
};

}  // namespace tidemill
