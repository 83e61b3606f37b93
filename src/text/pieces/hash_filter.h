// One bit per hash, to say of most of what a large table does not hold that it does not, from memory that stays in the
// second-level cache (Bloom 1970, with one hash function).
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tidemill {

class HashFilter {
 public:
  HashFilter() = default;
  // Sixteen bits per entry, up to 256 KiB.
  explicit HashFilter(size_t n_entries)
      : words_(std::bit_ceil(std::clamp<size_t>(n_entries / 4, 1, size_t{1} << 15))),
        shift_(64 - 6 - std::countr_zero(words_.size())) {}

  void add(uint64_t hash) { adder().add(hash); }
  // By the upper bits of the hash.
  bool may_hold(uint64_t hash) const { return view().may_hold(hash); }

  // The same for loops, in which it stays in registers.
  struct View {
    const uint64_t* words;
    int shift;
    bool may_hold(uint64_t hash) const { return (words[hash >> shift >> 6] >> (hash >> shift & 63) & 1) != 0; }
  };
  View view() const { return {words_.data(), shift_}; }
  struct Adder {
    uint64_t* words;
    int shift;
    void add(uint64_t hash) const { words[hash >> shift >> 6] |= uint64_t{1} << (hash >> shift & 63); }
  };
  Adder adder() { return {words_.data(), shift_}; }

 private:
  std::vector<uint64_t> words_;  // a power of two
  int shift_ = 0;
};

}  // namespace tidemill
