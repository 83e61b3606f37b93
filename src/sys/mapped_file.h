// A file mapped read-only into memory.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace tidemill {

class MappedFile {
 public:
  // Maps the whole of `path`.  Throws not_found when there is no such file, bad_file when it is a directory, a device
  // or empty, io when the system refuses.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }
  const std::string& path() const { return path_; }

  // Tells the system that `part` of bytes() is about to be read once, front to back.
  void will_read(std::span<const std::byte> part) const;
  // Drops the pages of `part` from this process's resident memory; reading them again is allowed and maps them anew.
  void release(std::span<const std::byte> part) const;

 private:
  std::string path_;
  std::span<const std::byte> bytes_;
};

}  // namespace tidemill
