// Storage: owned, page-aligned memory straight from the system, zeroed, committed only where it is touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace tidemill {

class Storage {
 public:
  Storage() = default;
  // Throws out_of_memory when the system refuses and invalid_argument for a negative size.  Large blocks ask for huge
  // pages.
  explicit Storage(int64_t size_bytes);
  ~Storage();
  Storage(Storage&& other) noexcept { *this = std::move(other); }
  Storage& operator=(Storage&& other) noexcept;
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  std::byte* data() const { return data_; }
  int64_t size_bytes() const { return size_; }

  // Bytes that all live Storage objects of the process hold, for memory reports.
  static int64_t total_bytes();

 private:
  std::byte* data_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace tidemill
