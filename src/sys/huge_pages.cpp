#include "sys/huge_pages.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <cstdint>
#include <cstring>

namespace tidemill {
namespace {

// In whole pages, which are no larger than this on any processor that is supported.
[[maybe_unused]] size_t whole_pages(size_t n_bytes) {
  constexpr size_t kPage = size_t{64} << 10;
  return (n_bytes + kPage - 1) / kPage * kPage;
}

}  // namespace

void advise_huge_pages(void* data, size_t n_bytes) {
#ifdef __linux__
  const auto begin = reinterpret_cast<uintptr_t>(data);
  const uintptr_t first = (begin + kHugePage - 1) / kHugePage * kHugePage;
  const uintptr_t last = (begin + n_bytes) / kHugePage * kHugePage;
  if (first < last) ::madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#else
  (void)data, (void)n_bytes;
#endif
}

#ifdef __linux__

void* allocate_huge_pages(size_t n_bytes) {
  // Enough to begin at a huge page; what is before and behind it goes back at once.
  const size_t kept = whole_pages(n_bytes);
  void* const all = ::mmap(nullptr, kept + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) throw std::bad_alloc();
  char* const start = static_cast<char*>(all);
  const size_t before = (kHugePage - reinterpret_cast<uintptr_t>(all) % kHugePage) % kHugePage;
  if (before > 0) ::munmap(start, before);
  if (before < kHugePage) ::munmap(start + before + kept, kHugePage - before);
  advise_huge_pages(start + before, kept);
  return start + before;
}
void free_huge_pages(void* data, size_t n_bytes) {
  ::munmap(data, whole_pages(n_bytes));
}

#else

void* allocate_huge_pages(size_t n_bytes) {
  return std::memset(::operator new(n_bytes, std::align_val_t{kHugePage}), 0, n_bytes);
}
void free_huge_pages(void* data, size_t) {
  ::operator delete(data, std::align_val_t{kHugePage});
}

#endif

}  // namespace tidemill
