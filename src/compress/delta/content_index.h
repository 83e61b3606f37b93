// Where a file has which content, so that rows and pages of another one are found wherever they have moved.
//
// A file is cut where its content says so: after a line feed, or where a rolling hash of the last bytes has a pattern
// (Muthitacharoen, Chen, Mazieres 2001, "A Low-bandwidth Network File System"; the gear hash of Xia et al. 2014,
// "Ddelta").  So equal rows make equal chunks, and what is put in before them moves no cut behind the next line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace tidemill {

inline constexpr size_t kMinChunk = 8;  // bytes; shorter ones are not looked for

// The end of the chunk of `bytes` that begins at `begin`.
size_t chunk_end(std::span<const std::byte> bytes, size_t begin);

// Immutable once it is made; any threads may ask.
class ContentIndex {
 public:
  // `bytes` outlive this.  `release(part)` is called when a part of them will not be read soon.  Takes at most 64 MiB:
  // of files with more chunks than fit, every second, fourth, ... one is known, chosen by content.
  ContentIndex(std::span<const std::byte> bytes, const std::function<void(std::span<const std::byte>)>& release);

  std::span<const std::byte> bytes() const { return bytes_; }
  // Where the file has these bytes, which are a chunk.
  std::optional<uint64_t> find(std::span<const std::byte> chunk) const;

 private:
  bool add_all(const std::function<void(std::span<const std::byte>)>& release);

  std::span<const std::byte> bytes_;
  std::vector<uint64_t> slots_;  // position + 1 in the low 40 bits, a tag of the hash above; 0: free
  int n_skipped_bits_ = 0;       // chunks are known whose hash has so many zeros
};

}  // namespace tidemill
