#include "sys/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "tidemill/error.h"

namespace tidemill {

FileLock::FileLock(const std::string& path, Kind kind) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (fd_ < 0) {
    const bool is_missing = errno == ENOENT || errno == ENOTDIR;
    throw Error(is_missing ? ErrorCode::not_found : ErrorCode::io,
                path + ": cannot be opened (" + std::generic_category().message(errno) + "); check its permissions");
  }
  while (::flock(fd_, kind == Kind::shared ? LOCK_SH : LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    const int error = errno;
    ::close(fd_);
    throw Error(ErrorCode::io, path + ": cannot be locked (" + std::generic_category().message(error) +
                                   "); use a file system that has locks");
  }
}

FileLock::~FileLock() {
  ::close(fd_);
}

}  // namespace tidemill
