// Writing a file so that others see either the old one or the whole new one, also after a crash or a power cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidemill {

// Writes go to a temporary file in the folder of `path`; `commit` makes them durable and puts the file in its place.
// Not thread-safe but for `write_at`.
class AtomicFile {
 public:
  // Throws not_found when the folder does not exist, io when the system refuses.
  explicit AtomicFile(std::string path);
  // Without a commit, or after one that failed before the file was in place, removes what was written.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Says how many bytes will be written in all, so that a full disk shows at once and the file lies in one piece.
  // Throws io for a full disk; nothing happens where the file system cannot do that.
  void reserve(int64_t n_bytes);
  // For a file that will be mapped: what is appended from here on reaches the system by whole huge pages, so that
  // it keeps them as such and a reader needs one fault for each.  Before anything is written.
  void write_huge_pages();
  // Appends.  Throws io when the system refuses, e.g. a full disk.
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

  // Writes at `offset`, over what was written there or past the end; not with `write_huge_pages`.  Any threads may do
  // so at once, while nobody appends.  Throws io.
  void write_at(int64_t offset, std::span<const std::byte> bytes);

  // Flushes the content, renames it to `path` (replacing a file, not a folder) and flushes the folder.  Throws io;
  // `path` then still names the old file, unless only the last step failed.  Nothing may follow.
  void commit();

  const std::string& path() const { return path_; }
  int64_t n_written() const { return n_written_ + static_cast<int64_t>(gathered_.size()); }  // bytes

 private:
  void append(std::span<const std::byte> bytes, size_t n_at_once);
  void write_gathered();
  void start_flushing();

  std::string path_;
  std::string folder_;
  std::string temporary_path_;  // empty once there is nothing to remove
  int fd_ = -1;
  std::vector<std::byte> gathered_;  // has room for a huge page where those are written, and is never full
  int64_t n_written_ = 0;            // by the system
  int64_t n_flushing_ = 0;           // bytes of which the disk was asked to write
};

// Whether a file has the name of a temporary one, ".tidemill-PID-N.tmp", which a process that was killed leaves behind.
bool is_temporary_name(std::string_view name);

}  // namespace tidemill
