// Large tables in huge pages, where the system has them: a page fault per 2 MiB instead of one per 4 KiB, and addresses
// that the processor need not look up.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>
#include <type_traits>
#include <vector>

namespace tidemill {

inline constexpr size_t kHugePage = size_t{2} << 20;

// Wishes huge pages for all that lies in [data, data + n_bytes) as whole ones.  Where there are none nothing happens.
void advise_huge_pages(void* data, size_t n_bytes);

// `n_bytes` of zeros that begin where a huge page does and wish for them; from the system itself where that is
// possible, so that they go back there when they are freed.  Throws bad_alloc.
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

// The same for tables of what is made of zeros alone, which need not be written then.
template <typename T>
struct ZeroedAllocator {
  using value_type = T;
  static_assert(std::is_trivially_copyable_v<T> || std::is_standard_layout_v<T>);

  ZeroedAllocator() = default;
  template <typename U>
  ZeroedAllocator(const ZeroedAllocator<U>&) {}

  T* allocate(size_t n) {
    T* const data = HugePageAllocator<T>().allocate(n);
    if (n * sizeof(T) < kHugePage) std::memset(static_cast<void*>(data), 0, n * sizeof(T));
    return data;
  }
  void deallocate(T* data, size_t n) { HugePageAllocator<T>().deallocate(data, n); }
  void construct(T*) {}

  bool operator==(const ZeroedAllocator&) const = default;
};

// Made with its size, and never larger.
template <typename T>
using ZeroedVector = std::vector<T, ZeroedAllocator<T>>;

}  // namespace tidemill
