// A vocabulary in compact form: the strings of all ids in one buffer, and the way back from a string to its id.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sys/huge_pages.h"

namespace tidemill {

// id -> string.  Holds its own copy; immutable.
class TokenStrings {
 public:
  // Bytes that can be read before the first string and behind the last: zeros, for loops that read windows of bytes.
  static constexpr size_t kMarginBefore = 8, kMarginBehind = 72;

  TokenStrings() = default;
  // Together at most 4 GiB; throws invalid_argument when longer.
  explicit TokenStrings(std::span<const std::string_view> strings);

  int32_t size() const { return static_cast<int32_t>(ends_.size()); }
  std::string_view operator[](int32_t id) const {
    const uint32_t begin = id == 0 ? 0 : ends_[id - 1];
    return {buffer_.data() + kMarginBefore + begin, ends_[id] - begin};
  }
  // All strings in a row, and by id where each ends.
  std::string_view joined() const {
    return ends_.empty() ? std::string_view() : std::string_view(buffer_.data() + kMarginBefore, ends_.back());
  }
  std::span<const uint32_t> ends() const { return ends_; }

 private:
  HugeVector<char> buffer_;
  std::vector<uint32_t> ends_;
};

// Whether each of the strings is UTF-8.
bool are_utf8(const TokenStrings& strings);

// A hash of bytes that can be joined: join(hash(a), hash(b), b.size()) = hash(a + b).  A merge of two tokens is looked
// up without reading their bytes again.
class JoinableHash {
 public:
  static uint64_t of(std::string_view bytes) {
    uint64_t hash = 0;
    for (const char c : bytes) hash = hash * kBase + static_cast<uint8_t>(c) + 1;
    return hash;
  }
  // For right parts of up to `max_size` bytes.
  explicit JoinableHash(size_t max_size);
  uint64_t join(uint64_t left, uint64_t right, size_t right_size) const { return left * powers_[right_size] + right; }

 private:
  static constexpr uint64_t kBase = 0x9E3779B97F4A7C15u;  // odd, so that every power keeps all bits
  std::vector<uint64_t> powers_;                          // kBase ^ index
};

// string -> id by open addressing: 8 bytes a slot, at most half full.  Refers to `strings`, which must outlive it.
class TokenIndex {
 public:
  // Empty strings are left out.  Throws bad_file, naming `source`, when a string occurs twice, and when strings were
  // made to collide, so that a hostile vocabulary cannot make loading quadratic.
  // `hashes`, where given, receives the JoinableHash of each string.
  TokenIndex(const TokenStrings& strings, const std::string& source, HugeVector<uint64_t>* hashes = nullptr);
  const TokenStrings& strings() const { return *strings_; }

  // The id of `bytes`, whose JoinableHash is `hash`; -1 when there is none.
  int32_t find(std::string_view bytes, uint64_t hash) const {
    const uint64_t mixed = mix(hash);
    for (uint64_t slot = mixed & mask_;; slot = (slot + 1) & mask_) {
      const Slot& entry = slots_[slot];
      if (entry.is_empty()) return -1;
      if (entry.tag == static_cast<uint32_t>(mixed >> 32) && (*strings_)[entry.id()] == bytes) return entry.id();
    }
  }
  int32_t find(std::string_view bytes) const { return find(bytes, JoinableHash::of(bytes)); }
  // The id of what two strings are together, of which the joined hash is mixed already.
  int32_t find_joined(int32_t left, int32_t right, uint64_t mixed) const {
    const std::string_view a = (*strings_)[left];
    const std::string_view b = (*strings_)[right];
    for (uint64_t slot = mixed & mask_;; slot = (slot + 1) & mask_) {
      const Slot& entry = slots_[slot];
      if (entry.is_empty()) return -1;
      if (entry.tag != static_cast<uint32_t>(mixed >> 32)) continue;
      const std::string_view found = (*strings_)[entry.id()];
      if (found.size() == a.size() + b.size() && found.starts_with(a) && found.ends_with(b)) return entry.id();
    }
  }

  size_t longest() const { return longest_; }  // bytes

  // Spreads a hash over all bits (the finaliser of splitmix64; Steele, Lea, Flood 2014).
  static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
  }

 private:
  // Zeros are an empty one, so that the memory of a new table need not be written.
  struct Slot {
    uint32_t tag;
    int32_t id_and_one;

    bool is_empty() const { return id_and_one == 0; }
    int32_t id() const { return id_and_one - 1; }
  };

  void insert(int32_t id, uint64_t mixed, const std::string& source);

  const TokenStrings* strings_;
  ZeroedVector<Slot> slots_;  // a power of two
  uint64_t mask_;
  size_t longest_ = 0;
};

}  // namespace tidemill
