#include "jobs/line_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "tidemill/error.h"

namespace tidemill {

LineReader::LineReader(const std::string& path) : path_(path) {
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe without a writer would wait for one
  if (fd_ < 0) {
    const ErrorCode code = errno == ENOENT || errno == ENOTDIR ? ErrorCode::not_found : ErrorCode::io;
    throw Error(code, path + ": cannot be opened (" + std::generic_category().message(errno) + "); check the path");
  }
  struct stat status{};
  if (::fstat(fd_, &status) == 0 && S_ISREG(status.st_mode)) return;
  ::close(fd_);
  throw Error(ErrorCode::bad_file, path + ": is no regular file; give a file of texts");
}

LineReader::~LineReader() {
  ::close(fd_);
}

bool LineReader::next(std::string_view& line) {
  size_t searched = begin_;
  size_t end = 0;
  while ((end = buffer_.find('\n', searched)) == std::string::npos) {
    searched = buffer_.size() - begin_;  // `fill` moves the rest to the front
    if (!fill()) break;
    if (buffer_.size() > kMaxLine)
      throw Error(ErrorCode::bad_file, path_ + ", line " + std::to_string(n_lines_ + 1) + ": is longer than " +
                                           std::to_string(kMaxLine >> 20) + " MiB; is it a file of lines?");
  }
  const bool is_last = end == std::string::npos;
  if (is_last && begin_ == buffer_.size()) return false;
  line = std::string_view(buffer_).substr(begin_, is_last ? std::string::npos : end - begin_);
  n_read_ += static_cast<int64_t>(line.size() + (is_last ? 0 : 1));
  begin_ += line.size() + (is_last ? 0 : 1);
  ++n_lines_;
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return true;
}

// Reads another block behind what is left; false at the end of the file.
bool LineReader::fill() {
  constexpr size_t kBlock = size_t{256} << 10;
  buffer_.erase(0, begin_);
  begin_ = 0;
  const size_t n_before = buffer_.size();
  buffer_.resize(n_before + kBlock);
  ssize_t n = 0;
  do {
    n = ::read(fd_, buffer_.data() + n_before, kBlock);
  } while (n < 0 && errno == EINTR);
  if (n < 0)
    throw Error(ErrorCode::io,
                path_ + ": cannot be read (" + std::generic_category().message(errno) + "); check the disk");
  buffer_.resize(n_before + static_cast<size_t>(n));
  return n > 0;
}

}  // namespace tidemill
