#include "api/text_blocks.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "text/training/count_words.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr size_t kReadBytes = size_t{2} << 20;
constexpr size_t kLongLine = kReadBytes;  // may be cut between words
constexpr size_t kLongestLine = size_t{256} << 20;

[[noreturn]] void fail(const std::string& path, const char* step, int error) {
  const std::string why = path + ": " + step + " failed (" + std::generic_category().message(error) + "); ";
  if (error == ENOENT || error == ENOTDIR) throw Error(ErrorCode::not_found, why + "name an existing text file");
  if (error == EISDIR) throw Error(ErrorCode::bad_file, why + "name text files, not a folder");
  throw Error(ErrorCode::io, why + "check the file and its permissions");
}

int open_text(const std::string& path) {
  if (path == "-") return STDIN_FILENO;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(path, "opening", errno);
  return fd;
}

void close_text(int fd) {
  if (fd > STDIN_FILENO) ::close(fd);
}

int64_t size_of(const std::string& path) {
  const int fd = open_text(path);
  struct stat status{};
  const int error = ::fstat(fd, &status) == 0 ? 0 : errno;
  close_text(fd);
  if (error != 0) fail(path, "opening", error);
  if (S_ISDIR(status.st_mode)) fail(path, "reading", EISDIR);
  return S_ISREG(status.st_mode) ? status.st_size : 0;
}

}  // namespace

TextBlocks::TextBlocks(std::vector<std::string> files, std::function<void(double share)> check)
    : files_(std::move(files)), check_(std::move(check)) {
  if (files_.empty()) throw Error(ErrorCode::invalid_argument, "training: no text given; name one or more text files");
  for (const std::string& file : files_) n_bytes_ += size_of(file);
}

TextBlocks::~TextBlocks() {
  close_text(fd_);
}

bool TextBlocks::next(std::string& block) {
  block = std::exchange(rest_, {});
  for (;;) {
    if (fd_ < 0) {
      if (next_file_ == files_.size()) return false;
      fd_ = open_text(files_[next_file_++]);
    }
    if (!read_more(block)) {
      close_text(std::exchange(fd_, -1));
      if (!block.empty()) return true;
      continue;
    }
    size_t cut = last_line_cut(block);
    if (cut == 0 && block.size() >= kLongLine) cut = last_word_cut(block);
    if (cut > 0) {
      rest_ = block.substr(cut);
      block.resize(cut);
      return true;
    }
    if (block.size() >= kLongestLine) {
      throw Error(ErrorCode::bad_file, files_[next_file_ - 1] +
                                           ": a line of more than 256 MiB without a space between "
                                           "words; break its lines");
    }
  }
}

// False at the end of the file.
bool TextBlocks::read_more(std::string& block) {
  const size_t old_size = block.size();
  // In proportion to what is there, so that a long line is looked through a few times only.
  block.resize(old_size + std::max(kReadBytes, old_size));
  size_t size = old_size;
  while (size < block.size()) {
    check_(n_bytes_ > 0 ? static_cast<double>(n_read_) / static_cast<double>(n_bytes_) : 0);
    const ssize_t n = ::read(fd_, block.data() + size, block.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(files_[next_file_ - 1], "reading", errno);
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  block.resize(size);
  n_read_ += static_cast<int64_t>(size - old_size);
  return size > old_size;
}

}  // namespace tidemill
