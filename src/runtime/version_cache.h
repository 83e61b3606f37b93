// VersionCache: weights of fine-tunes as kernels read them, made when they are first read and kept in bounded memory.
//
// What was used least lately goes first, but nothing of the fine-tunes that the running pass is of.  A pass reads all
// their weights in one order, and the next pass is likely to do so again: with too little memory a plain LRU would drop
// each weight shortly before it is needed and keep nothing.  What finds no room is made for one operation alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "ops/weight_versions.h"

namespace tidemill {

// Weights that are made and dropped together, for they are parts of one tensor of a file.
struct WeightGroup {
  std::vector<HeldWeight> weights;
  int64_t n_bytes = 0;
};

// `get` and `begin_pass` are called by one thread at a time; all others by any.
class VersionCache {
 public:
  explicit VersionCache(int64_t max_bytes) : max_bytes_(max_bytes) {}

  using Make = std::function<WeightGroup()>;

  // A pass of the model over rows of the fine-tunes of these numbers begins.
  void begin_pass(std::span<const uint64_t> numbers);
  // Group `index` of the fine-tune of that number, of about `n_bytes`; `make` makes it when it is not there.  Stays
  // readable as long as it is held.  Throws what `make` throws.
  std::shared_ptr<const WeightGroup> get(uint64_t number, size_t index, int64_t n_bytes, const Make& make);
  // A fine-tune is gone.
  void forget(uint64_t number);

  struct Counts {
    int64_t n_bytes = 0, max_bytes = 0;
    int64_t n_hits = 0;       // groups that were there
    int64_t n_misses = 0;     // groups that were made
    int64_t n_evictions = 0;  // groups that went to make room
  };
  Counts counts() const;

 private:
  using Key = std::pair<uint64_t, size_t>;
  struct Entry {
    std::shared_ptr<const WeightGroup> group;
    std::list<Key>::iterator use;
  };

  bool make_room(int64_t n_bytes);
  void drop(std::map<Key, Entry>::iterator entry);

  const int64_t max_bytes_;
  std::vector<uint64_t> running_;  // numbers of the fine-tunes of the pass
  mutable std::mutex mutex_;       // of what follows
  std::map<Key, Entry> entries_;
  std::list<Key> by_use_;  // lately used first
  Counts counts_;
};

}  // namespace tidemill
