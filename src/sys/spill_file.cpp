#include "sys/spill_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "tidemill/error.h"

namespace tidemill {

SpillFile::~SpillFile() {
  for (const auto part : mapped_) ::munmap(const_cast<std::byte*>(part.data()), part.size());
  if (fd_ >= 0) ::close(fd_);
}

void SpillFile::fail(const char* step, int error) const {
  const bool is_missing = error == ENOENT || error == ENOTDIR;
  throw Error(is_missing ? ErrorCode::not_found : ErrorCode::io,
              path_ + ": " + step + " beside it failed (" + std::generic_category().message(error) + "); " +
                  (is_missing ? "make the folder first" : "free space on the disk or write elsewhere"));
}

void SpillFile::open() {
  const size_t slash = path_.rfind('/', path_.find_last_not_of('/'));
  const std::string folder = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
#ifdef O_TMPFILE
  fd_ = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd_ >= 0) return;
#endif
  std::string name = folder + "/.tidemill-XXXXXX";  // where file systems do not know files without a name
  fd_ = ::mkstemp(name.data());
  if (fd_ < 0) fail("making a file", errno);
  ::unlink(name.c_str());
}

std::span<const std::byte> SpillFile::keep(std::span<const std::byte> bytes) {
  if (bytes.empty()) return {};
  if (fd_ < 0) open();
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t first = n_kept_;
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::pwrite(fd_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(first + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("writing", errno);
    done += static_cast<size_t>(n);
  }
  n_kept_ += (bytes.size() + page - 1) / page * page;
  void* const data = ::mmap(nullptr, bytes.size(), PROT_READ, MAP_SHARED, fd_, static_cast<off_t>(first));
  if (data == MAP_FAILED) fail("mapping", errno);
  mapped_.emplace_back(static_cast<const std::byte*>(data), bytes.size());
  return mapped_.back();
}

}  // namespace tidemill
