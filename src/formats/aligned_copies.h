// Copies of data that lie in a file where their elements cannot be read from, made when they are asked for.
#pragma once

#include <cstddef>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <span>

namespace tidemill {

// Thread-safe.  The copies live as long as this object.
class AlignedCopies {
 public:
  // The bytes of `source` at a multiple of 16; always the same copy for the same source.
  const std::byte* copy_of(std::span<const std::byte> source) {
    const std::lock_guard lock(mutex_);
    std::unique_ptr<std::byte[]>& copy = copies_[source.data()];
    if (copy == nullptr) {
      copy.reset(new std::byte[source.size()]);
      std::memcpy(copy.get(), source.data(), source.size());
    }
    return copy.get();
  }

  // Frees all copies.
  void clear() {
    const std::lock_guard lock(mutex_);
    copies_.clear();
  }

 private:
  std::mutex mutex_;
  std::map<const std::byte*, std::unique_ptr<std::byte[]>> copies_;
};

}  // namespace tidemill
