// Bytes on their way to a file that are too many to wait in memory: they wait on the disk, in a file without a name,
// which is gone when the process is, however it ends.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tidemill {

class SpillFile {
 public:
  // Beside `path`, a file or a folder, which errors name.  Nothing is opened before something is kept.
  explicit SpillFile(std::string path) : path_(std::move(path)) {}
  ~SpillFile();
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;

  // Writes `bytes` and gives where they can be read from now on, as long as this object lives: pages of the file, which
  // take memory only while they are read.  Throws not_found when there is no such folder, io for a full disk.
  std::span<const std::byte> keep(std::span<const std::byte> bytes);

 private:
  void open();
  [[noreturn]] void fail(const char* step, int error) const;

  std::string path_;
  int fd_ = -1;
  size_t n_kept_ = 0;  // bytes of the file, whole pages
  std::vector<std::span<const std::byte>> mapped_;
};

}  // namespace tidemill
