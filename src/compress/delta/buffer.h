// Memory whose first contents nobody reads: filling it with zeros would take as long as a pass over the block.  Each
// thread keeps what it gave back last, for the system takes as long again to map new pages for every block.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

namespace tidemill {

class KeptMemory {
 public:
  using Bytes = std::unique_ptr<std::byte[]>;
  struct Piece {
    Bytes bytes;
    size_t size = 0;
  };

  // At least `n_bytes`, aligned as new memory is.
  static Piece take(size_t n_bytes) {
    for (Piece& piece : kept()) {
      if (piece.size >= n_bytes && piece.size / 8 <= n_bytes) return std::exchange(piece, {});
    }
    return {std::make_unique_for_overwrite<std::byte[]>(n_bytes), n_bytes};
  }

  static void give_back(Piece piece) {
    constexpr size_t kLargestKept = size_t{1} << 20;
    if (piece.size > kLargestKept) return;
    for (Piece& place : kept()) {
      if (place.size < piece.size) std::swap(place, piece);
    }
  }

 private:
  static std::array<Piece, 8>& kept() {
    thread_local std::array<Piece, 8> pieces;
    return pieces;
  }
};

template <typename Element>
class Buffer {
 public:
  static_assert(std::is_trivially_copyable_v<Element>);

  explicit Buffer(size_t n) : memory_(KeptMemory::take(n * sizeof(Element))), n_(n) {}
  ~Buffer() {
    if (memory_.bytes != nullptr) KeptMemory::give_back(std::move(memory_));
  }
  Buffer(Buffer&&) = default;
  Buffer& operator=(Buffer&&) = delete;

  Element* data() { return reinterpret_cast<Element*>(memory_.bytes.get()); }
  const Element* data() const { return reinterpret_cast<const Element*>(memory_.bytes.get()); }
  size_t size() const { return n_; }
  operator std::span<Element>() { return {data(), n_}; }
  operator std::span<const Element>() const { return {data(), n_}; }

 private:
  KeptMemory::Piece memory_;
  size_t n_;
};

}  // namespace tidemill
