// What identifies the content of a file: a tree of XXH3-128, so that many threads can take it and a reader can take it
// of the pieces that it makes, whatever their order.
//
// The file is cut into windows of 4 MiB, the last one shorter.  The hash of the file is the XXH3-128 (seed 0) of the
// windows' XXH3-128 one after another, each as 16 bytes in its canonical, big-endian form.  It finds damage and
// mix-ups, not forgeries: who can write a delta decides what it restores, so a cryptographic hash would protect nobody.
// XXH3: github.com/Cyan4973/xxHash, doc/xxhash_spec.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sys/mapped_file.h"
#include "sys/thread_pool.h"

namespace tidemill {

inline constexpr uint64_t kHashWindowBytes = 4 << 20;

struct ContentHash {
  std::array<uint8_t, 16> digest{};

  bool operator==(const ContentHash&) const = default;
  std::string hex() const;  // 32 lower-case digits
  // Nothing unless `text` is what `hex` gives.
  static std::optional<ContentHash> from_hex(std::string_view text);
};

// XXH3-128 of the bytes.
ContentHash hash_window(std::span<const std::byte> bytes);
// The hash of a file whose windows have these.
ContentHash hash_of_windows(const std::vector<ContentHash>& windows);

inline uint64_t n_hash_windows(uint64_t n_bytes) {
  return n_bytes / kHashWindowBytes + (n_bytes % kHashWindowBytes != 0);
}

// The hash of a file whose bytes come one after another.
class HashOfStream {
 public:
  void add(std::span<const std::byte> bytes);
  ContentHash finish();

 private:
  std::vector<std::byte> window_;
  std::vector<ContentHash> hashes_;
};

// The hash of a file on all threads of the pool; its pages leave this process's memory as they are read.
// `progress` is called with numbers of bytes, on the caller's thread; what it throws ends the work.
ContentHash hash_file(const MappedFile& file, ThreadPool& pool, const std::function<void(uint64_t n_bytes)>& progress);

}  // namespace tidemill
