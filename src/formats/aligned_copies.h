// Copies of data that lie in a file where their elements cannot be read from, made when they are asked for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <span>

namespace tidemill {

// Thread-safe.  The copies live as long as this object.
class AlignedCopies {
 public:
  // The bytes of `source` at a multiple of 16; the same copy for the same source until it is freed.
  const std::byte* copy_of(std::span<const std::byte> source) {
    const std::lock_guard lock(mutex_);
    Copy& copy = copies_[source.data()];
    if (copy.bytes == nullptr) {
      copy.bytes.reset(new std::byte[source.size()]);
      std::memcpy(copy.bytes.get(), source.data(), source.size());
    }
    ++copy.n_given;
    return copy.bytes.get();
  }

  // The copy that begins at `bytes`, if any, is not read any more by one of those who asked for it; without any left it
  // is freed.
  void drop(const void* bytes) {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find_if(copies_, [&](const auto& one) { return one.second.bytes.get() == bytes; });
    if (found != copies_.end() && --found->second.n_given == 0) copies_.erase(found);
  }

  // Frees all copies.
  void clear() {
    const std::lock_guard lock(mutex_);
    copies_.clear();
  }

 private:
  struct Copy {
    std::unique_ptr<std::byte[]> bytes;
    int64_t n_given = 0;
  };

  std::mutex mutex_;
  std::map<const std::byte*, Copy> copies_;
};

}  // namespace tidemill
