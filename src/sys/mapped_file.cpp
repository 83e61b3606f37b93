#include "sys/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <system_error>
#include <utility>

#include "tidemill/error.h"

namespace tidemill {
namespace {

[[noreturn]] void fail(ErrorCode code, const std::string& path, const std::string& why) {
  throw Error(code, path + ": " + why);
}

[[noreturn]] void fail_with_errno(const std::string& path, int error) {
  const std::string reason = std::generic_category().message(error);
  if (error == ENOENT || error == ENOTDIR) {
    fail(ErrorCode::not_found, path, "no such file; check the name and the folder it is in");
  }
  if (error == EACCES || error == EPERM) {
    fail(ErrorCode::io, path, "the system refuses to read it (" + reason + "); check its permissions");
  }
  if (error == ENXIO || error == EISDIR || error == ELOOP) {
    fail(ErrorCode::bad_file, path, "not a regular file (" + reason + "); give the path of a file");
  }
  if (error == ENOMEM) {
    fail(ErrorCode::out_of_memory, path, "no address space left to map it; raise the limit (ulimit -v) or free memory");
  }
  fail(ErrorCode::io, path, "cannot be read (" + reason + "); check the disk and the path");
}

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// Size of the regular file behind `fd`; throws for everything that cannot be mapped.
size_t size_of_regular_file(int fd, const std::string& path) {
  struct stat status;
  if (::fstat(fd, &status) != 0) fail_with_errno(path, errno);
  if (S_ISDIR(status.st_mode)) {
    fail(ErrorCode::bad_file, path, "is a directory, not a file; give the path of a file in it");
  }
  if (!S_ISREG(status.st_mode)) {
    fail(ErrorCode::bad_file, path, "not a regular file (a device, pipe or socket); give the path of a file");
  }
  if (status.st_size == 0) fail(ErrorCode::bad_file, path, "the file is empty; copy or download it again");
  if (static_cast<uint64_t>(status.st_size) > std::numeric_limits<size_t>::max() / 2) {
    fail(ErrorCode::out_of_memory, path, "larger than the address space of this build; use a 64-bit build");
  }
  return static_cast<size_t>(status.st_size);
}

// Calls madvise on the pages that hold `part`.  Advice may be refused without harm, so the result is not looked at.
void advise(std::span<const std::byte> whole, std::span<const std::byte> part, int advice) {
  if (part.empty()) return;
  assert(part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t begin = static_cast<size_t>(part.data() - whole.data()) / page * page;  // the mapping begins on a page
  const size_t end = static_cast<size_t>(part.data() - whole.data()) + part.size();
  ::madvise(const_cast<std::byte*>(whole.data()) + begin, end - begin, advice);
}

}  // namespace

MappedFile::MappedFile(const std::string& path) : path_(path) {
  if (path.find('\0') != std::string::npos) {
    fail(ErrorCode::not_found, printable(path), "no such file; a path cannot hold a zero byte");
  }
  // O_NONBLOCK: opening a pipe without a writer would wait forever; for regular files it means nothing.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) fail_with_errno(path, errno);
  const size_t size = size_of_regular_file(file.get(), path);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) fail_with_errno(path, errno);
  bytes_ = {static_cast<const std::byte*>(data), size};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

void MappedFile::will_read(std::span<const std::byte> part) const {
  advise(bytes_, part, MADV_WILLNEED);
}

// The mapping is read-only and backed by the file, so a dropped page loses nothing, neighbours on it included.
void MappedFile::release(std::span<const std::byte> part) const {
  advise(bytes_, part, MADV_DONTNEED);
}

}  // namespace tidemill
