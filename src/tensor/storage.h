// Storage: owned, page-aligned memory straight from the system, zeroed, committed only where it is touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace tidemill {

// How a Storage will be used.
enum class Use {
  dense,   // all of it: large blocks ask for huge pages
  sparse,  // here and there: small pages only, so that what is not touched takes no memory
};

class Storage {
 public:
  Storage() = default;
  // Throws out_of_memory when the system refuses and invalid_argument for a negative size.
  explicit Storage(int64_t size_bytes, Use use = Use::dense);
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
