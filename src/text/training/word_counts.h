// Distinct words of a text and how often each occurs: all that the trainers of tokenizers look at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidemill {

// Used by one thread at a time.  Memory is in proportion to the distinct words, not to the text.
class WordCounts {
 public:
  // `count` is above 0.  Throws out_of_memory past two billion distinct words.
  void add(std::string_view word, int64_t count = 1);
  void add(const WordCounts& other);

  // Distinct words, in the order of their first occurrence.
  size_t size() const { return entries_.size(); }
  std::string_view word(size_t index) const { return {bytes_.data() + entries_[index].begin, entries_[index].size}; }
  int64_t count(size_t index) const { return entries_[index].count; }
  int64_t total() const;

  // Indices of all words, ascending by their bytes: an order that does not depend on who counted what first.
  std::vector<uint32_t> sorted() const;

 private:
  struct Entry {
    uint64_t begin;
    int64_t count;
    uint32_t size;
  };
  struct Slot {
    uint64_t hash;
    uint32_t entry;  // kFree: nothing here
  };

  void grow();

  std::string bytes_;
  std::vector<Entry> entries_;
  std::vector<Slot> slots_;  // a power of two of them, at most half in use
};

}  // namespace tidemill
