#include "tensor/storage.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <limits>
#include <string>
#include <system_error>

#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr int64_t kHugePage = int64_t{2} << 20;

std::atomic<int64_t> total = 0;

[[noreturn]] void fail(int64_t size_bytes, int error) {
  throw Error(ErrorCode::out_of_memory, "memory: the system refuses " + std::to_string(size_bytes) + " bytes (" +
                                            std::generic_category().message(error) +
                                            "); free memory, or use a smaller model or context");
}

std::byte* map_pages(int64_t size_bytes) {
  const int protection = PROT_READ | PROT_WRITE;
  void* data = ::mmap(nullptr, static_cast<size_t>(size_bytes), protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) fail(size_bytes, errno);
  return static_cast<std::byte*>(data);
}

// Memory that begins on a huge page, so that its first part gets one too: maps more and gives both ends back.
std::byte* map_huge_pages(int64_t size_bytes) {
  const auto page = static_cast<int64_t>(::sysconf(_SC_PAGESIZE));
  const int64_t kept = (size_bytes + page - 1) / page * page;
  const int64_t mapped = kept + kHugePage;
  std::byte* const start = map_pages(mapped);
  const auto past_border = static_cast<int64_t>(reinterpret_cast<uintptr_t>(start) % kHugePage);
  const int64_t before = past_border == 0 ? 0 : kHugePage - past_border;
  if (before > 0) ::munmap(start, static_cast<size_t>(before));
  if (const int64_t after = mapped - before - kept; after > 0) {
    ::munmap(start + before + kept, static_cast<size_t>(after));
  }
  ::madvise(start + before, static_cast<size_t>(kept), MADV_HUGEPAGE);  // a wish: refusing it harms nothing
  return start + before;
}

}  // namespace

Storage::Storage(int64_t size_bytes, Use use) {
  if (size_bytes < 0) {
    throw Error(ErrorCode::invalid_argument,
                "memory: a size of " + std::to_string(size_bytes) + " bytes is negative; give 0 or more");
  }
  if (size_bytes == 0) return;
  if (size_bytes > std::numeric_limits<ptrdiff_t>::max() - 2 * kHugePage) fail(size_bytes, ENOMEM);
  data_ = use == Use::dense && size_bytes >= 2 * kHugePage ? map_huge_pages(size_bytes) : map_pages(size_bytes);
  if (use == Use::sparse) ::madvise(data_, static_cast<size_t>(size_bytes), MADV_NOHUGEPAGE);
  size_ = size_bytes;
  total += size_bytes;
}

Storage::~Storage() {
  if (data_ == nullptr) return;
  ::munmap(data_, static_cast<size_t>(size_));
  total -= size_;
}

Storage& Storage::operator=(Storage&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

int64_t Storage::total_bytes() {
  return total;
}

}  // namespace tidemill
