// Large tables in huge pages, where the system has them: a page fault per 2 MiB instead of one per 4 KiB, and addresses
// that the processor need not look up.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace tidemill {

inline constexpr size_t kHugePage = size_t{2} << 20;

// Wishes huge pages for all that lies in [data, data + n_bytes) as whole ones.  Where there are none nothing happens.
void advise_huge_pages(void* data, size_t n_bytes);

// For containers: what is as large as a huge page begins where one does.
template <typename T>
struct HugePageAllocator {
  using value_type = T;

  HugePageAllocator() = default;
  template <typename U>
  HugePageAllocator(const HugePageAllocator<U>&) {}

  T* allocate(size_t n) {
    void* const data = ::operator new(n * sizeof(T), alignment(n));
    if (is_huge(n)) advise_huge_pages(data, n * sizeof(T));
    return static_cast<T*>(data);
  }
  void deallocate(T* data, size_t n) { ::operator delete(data, alignment(n)); }

  bool operator==(const HugePageAllocator&) const = default;

 private:
  static bool is_huge(size_t n) { return n * sizeof(T) >= kHugePage; }
  static std::align_val_t alignment(size_t n) { return std::align_val_t{is_huge(n) ? kHugePage : alignof(T)}; }
};

template <typename T>
using HugeVector = std::vector<T, HugePageAllocator<T>>;

}  // namespace tidemill
