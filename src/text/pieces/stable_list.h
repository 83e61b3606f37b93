// A list that grows at its end and never moves what it holds: one thread appends while others read.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <span>

#include "sys/huge_pages.h"

namespace tidemill {

// For plain data.  What was appended is read by its index, which another thread must have got by way of an atomic.
template <typename T>
class StableList {
 public:
  // What is appended at once fits the first chunk.
  static constexpr size_t kMostAtOnce = 1024;

  StableList() = default;
  StableList(const StableList&) = delete;
  StableList& operator=(const StableList&) = delete;
  ~StableList() {
    for (size_t k = 0; k < n_chunks_; ++k) HugePageAllocator<T>().deallocate(chunks_[k], chunk_size(k));
  }

  // With what `append` would add for `n` more; the same as bytes() where there is room.
  size_t bytes_with(size_t n) const {
    return bytes() + (begin_of(n) + n > capacity() ? chunk_size(n_chunks_) * sizeof(T) : 0);
  }
  size_t bytes() const { return capacity() * sizeof(T); }

  // Where the list would end.
  size_t end_with(size_t n) const { return begin_of(n) + n; }

  // The index of the first; all stand side by side.
  size_t append(std::span<const T> values) {
    const size_t begin = begin_of(values.size());
    if (begin + values.size() > capacity()) {
      chunks_[n_chunks_] = HugePageAllocator<T>().allocate(chunk_size(n_chunks_));
      ++n_chunks_;
    }
    if (!values.empty()) std::memcpy(place(begin), values.data(), values.size_bytes());
    size_ = begin + values.size();
    return begin;
  }
  const T* operator[](size_t index) const { return place(index); }

 private:
  // Chunk k holds twice as many as the one before it.
  static constexpr size_t chunk_size(size_t k) { return kMostAtOnce << k; }
  static constexpr size_t kMostChunks = 28;

  // Nothing is divided between two chunks.
  size_t begin_of(size_t n) const { return size_ + n > capacity() ? capacity() : size_; }
  size_t capacity() const { return (kMostAtOnce << n_chunks_) - kMostAtOnce; }
  T* place(size_t index) const {
    const auto chunk = static_cast<size_t>(std::bit_width(index / kMostAtOnce + 1) - 1);
    return chunks_[chunk] + (index - (chunk_size(chunk) - kMostAtOnce));
  }

  std::array<T*, kMostChunks> chunks_{};
  size_t n_chunks_ = 0;
  size_t size_ = 0;
};

}  // namespace tidemill
