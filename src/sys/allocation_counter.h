// How often a test program has taken memory from the heap.  Only tests include this.
//
// One file of the program defines TIDEMILL_COUNT_ALLOCATIONS before it includes this header: there operator new is
// replaced.  Sanitizers bring their own; under them nothing is counted and the count stays 0.
#pragma once

#include <cstdint>

namespace tidemill {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kCountsAllocations = false;
#else
inline constexpr bool kCountsAllocations = true;
#endif

// Calls of operator new by all threads so far.
int64_t allocation_count();

}  // namespace tidemill

#ifdef TIDEMILL_COUNT_ALLOCATIONS

#include <atomic>
#include <cstdlib>
#include <new>

namespace tidemill {

inline std::atomic<int64_t> n_allocations = 0;
int64_t allocation_count() {
  return n_allocations;
}

}  // namespace tidemill

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// Not inlined, or g++ 12 takes free for a mismatch of new.
[[gnu::noinline]] void* operator new(size_t size) {
  ++tidemill::n_allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}
#endif

#endif
