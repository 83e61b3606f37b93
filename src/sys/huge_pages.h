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

// `n_bytes` of memory that begins where a huge page does and wishes for them; from the system itself where that is
// possible, so that it goes back there when it is freed.  Throws bad_alloc.
void* allocate_huge_pages(size_t n_bytes);
void free_huge_pages(void* data, size_t n_bytes);

// For containers: what is as large as a huge page is made of them.
template <typename T>
struct HugePageAllocator {
  using value_type = T;

  HugePageAllocator() = default;
  template <typename U>
  HugePageAllocator(const HugePageAllocator<U>&) {}

  T* allocate(size_t n) {
    const size_t n_bytes = n * sizeof(T);
    void* const data = n_bytes < kHugePage ? ::operator new(n_bytes, kAlignment) : allocate_huge_pages(n_bytes);
    return static_cast<T*>(data);
  }
  void deallocate(T* data, size_t n) {
    if (n * sizeof(T) < kHugePage) return ::operator delete(data, kAlignment);
    free_huge_pages(data, n * sizeof(T));
  }

  bool operator==(const HugePageAllocator&) const = default;

 private:
  static constexpr std::align_val_t kAlignment{alignof(T)};
};

template <typename T>
using HugeVector = std::vector<T, HugePageAllocator<T>>;

}  // namespace tidemill
