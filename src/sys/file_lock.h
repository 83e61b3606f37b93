// A lock that processes hold on a file, given back when they end, however they do.
#pragma once

#include <string>

namespace tidemill {

class FileLock {
 public:
  enum class Kind { shared, exclusive };

  // Waits until nobody holds the lock in a way that excludes this one.  The file must be there.  Throws not_found, io.
  FileLock(const std::string& path, Kind kind);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace tidemill
