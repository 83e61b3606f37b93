// The order is the one that survives a power cut on every file system in use: content, fsync, rename, fsync of the
// folder.  Pillai et al. 2014, "All File Systems Are Not Created Equal" (OSDI).
#include "sys/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "sys/huge_pages.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

// More in one call, without need, lets the page cache take its memory in larger pieces, which in virtual machines is
// often not there yet: 1.1 GB took 0.9 to 1.4 s by 64 KiB, 2.1 to 4.0 s by 256 KiB and by 1 MiB.
constexpr size_t kWriteBytes = 64 << 10;

constexpr int kMaxNames = 1000;  // temporary names to try; others are left over from processes that were killed

[[noreturn]] void fail(const std::string& path, const std::string& step, int error) {
  const std::string why = step + " failed (" + std::generic_category().message(error) + "); ";
  if (error == ENOENT || error == ENOTDIR) {
    throw Error(ErrorCode::not_found, path + ": " + why + "make the folder first");
  }
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    throw Error(ErrorCode::io, path + ": " + why + "free space on the disk or write elsewhere");
  }
  throw Error(ErrorCode::io, path + ": " + why + "check the folder and its permissions");
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

constexpr std::string_view kTemporaryPrefix = ".tidemill-", kTemporarySuffix = ".tmp";

// Short and without the name of the file, so that it fits wherever that name does.
std::string temporary_name() {
  static std::atomic<unsigned> n_names = 0;
  return std::string(kTemporaryPrefix) + std::to_string(::getpid()) + "-" + std::to_string(n_names++) +
         std::string(kTemporarySuffix);
}

}  // namespace

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)), folder_(folder_of(path_)) {
  if (path_.empty() || path_.back() == '/' || path_.find('\0') != std::string::npos) {
    throw Error(ErrorCode::invalid_argument, printable(path_) + ": not a file name; give the path of a file");
  }
  for (int attempt = 0; attempt < kMaxNames; ++attempt) {
    temporary_path_ = folder_ + "/" + temporary_name();
    fd_ = ::open(temporary_path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ >= 0) return;
    if (errno != EEXIST && errno != EINTR) break;
  }
  fail(path_, "creating a file in " + folder_, errno);
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_path_.empty()) ::unlink(temporary_path_.c_str());
}

void AtomicFile::reserve(int64_t n_bytes) {
  assert(fd_ >= 0);
#ifdef __linux__
  if (n_bytes <= 0) return;
  const bool is_reserved = ::fallocate(fd_, FALLOC_FL_KEEP_SIZE, 0, n_bytes) == 0;
  if (!is_reserved && (errno == ENOSPC || errno == EDQUOT)) fail(path_, "reserving its space", errno);
#else
  static_cast<void>(n_bytes);
#endif
}

void AtomicFile::write_huge_pages() {
  assert(n_written() == 0);
  gathered_.reserve(kHugePage);
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  assert(fd_ >= 0);
  if (gathered_.capacity() == 0) return append(bytes, kWriteBytes);
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), kHugePage - gathered_.size()));
    gathered_.insert(gathered_.end(), part.begin(), part.end());
    bytes = bytes.subspan(part.size());
    if (gathered_.size() == kHugePage) write_gathered();
  }
}

void AtomicFile::write_gathered() {
  append(gathered_, kHugePage);
  gathered_.clear();
}

void AtomicFile::append(std::span<const std::byte> bytes, size_t n_at_once) {
  while (!bytes.empty()) {
    const ssize_t n_written = ::write(fd_, bytes.data(), std::min(bytes.size(), n_at_once));
    if (n_written < 0 && errno == EINTR) continue;
    if (n_written < 0) fail(path_, "writing", errno);
    bytes = bytes.subspan(static_cast<size_t>(n_written));
    n_written_ += n_written;
  }
  start_flushing();
}

void AtomicFile::write_at(int64_t offset, std::span<const std::byte> bytes) {
  assert(fd_ >= 0 && gathered_.capacity() == 0);
  const int64_t begin = offset;
  while (!bytes.empty()) {
    const ssize_t n_written = ::pwrite(fd_, bytes.data(), std::min(bytes.size(), kWriteBytes), offset);
    if (n_written < 0 && errno == EINTR) continue;
    if (n_written < 0) fail(path_, "writing", errno);
    bytes = bytes.subspan(static_cast<size_t>(n_written));
    offset += n_written;
  }
#ifdef __linux__
  ::sync_file_range(fd_, begin, offset - begin, SYNC_FILE_RANGE_WRITE);  // a hint: errors show later
#endif
}

// The disk begins while more is being written, so that the flush at the end has little left to wait for.
void AtomicFile::start_flushing() {
#ifdef __linux__
  constexpr int64_t kFlushBytes = 8 << 20;
  if (n_written_ - n_flushing_ < kFlushBytes) return;
  ::sync_file_range(fd_, n_flushing_, n_written_ - n_flushing_, SYNC_FILE_RANGE_WRITE);  // a hint: errors show later
  n_flushing_ = n_written_;
#endif
}

void AtomicFile::commit() {
  assert(fd_ >= 0);
  write_gathered();
  if (::fsync(fd_) != 0) fail(path_, "flushing", errno);
  if (::close(std::exchange(fd_, -1)) != 0) fail(path_, "closing", errno);
  if (::rename(temporary_path_.c_str(), path_.c_str()) != 0) fail(path_, "replacing", errno);
  temporary_path_.clear();
  const int folder = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) fail(path_, "flushing the folder", errno);
  const int error = ::fsync(folder) == 0 ? 0 : errno;
  ::close(folder);
  // Some file systems (network, FUSE) cannot flush a folder and say so with EINVAL.
  if (error != 0 && error != EINVAL) fail(path_, "flushing the folder", error);
}

bool is_temporary_name(std::string_view name) {
  return name.starts_with(kTemporaryPrefix) && name.ends_with(kTemporarySuffix);
}

}  // namespace tidemill
