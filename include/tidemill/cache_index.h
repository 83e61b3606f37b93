// CacheIndex: the bookkeeping of one part of a Cache, without its keys and values.  It finds entries by hash and says
// which must go; entries are numbers, by which Cache keeps what belongs to them.  Not for use by itself.
//
// Least recently used: one queue, to whose head an entry moves when it is used.
// S3-FIFO (Yang et al. 2023, "FIFO queues are all you need for cache eviction", SOSP): new entries go into a small
// queue; those that were used again by the time they reach its end go on to the main queue, and the others leave, so
// that a scan of keys that never come back cannot empty the cache.  Of those that left the hashes are remembered for a
// while: who comes back goes to the main queue at once.  A use only counts up, to 3; at the end of the main queue an
// entry that was used goes round again, one use less.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

namespace tidemill {

enum class CachePolicy : uint8_t { lru, s3_fifo };

class CacheGhosts;

// Functions that change nothing may be called by several threads at once.
class CacheIndex {
 public:
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

  // Limits of 0 are none.
  CacheIndex(CachePolicy policy, size_t capacity, size_t capacity_bytes, double ttl_seconds);
  ~CacheIndex();
  CacheIndex(CacheIndex&&) noexcept;
  CacheIndex& operator=(CacheIndex&&) noexcept;

  // What is compared first: the high half of the hash, mixed.
  static uint32_t tag_of(uint64_t hash) { return static_cast<uint32_t>((hash * 0x9E3779B97F4A7C15U) >> 32); }

  // The entry of that tag for which `is_it` is true, kNone when there is none.
  template <typename IsIt>
  uint32_t find(uint32_t tag, IsIt&& is_it) const {
    for (size_t place = home(tag);; place = (place + 1) & (table_.size() - 1)) {
      const Place& here = table_[place];
      if (here.entry == kNone) return kNone;
      if (here.tag == tag && is_it(here.entry)) return here.entry;
    }
  }

  // Whether an entry of so many bytes fits at all, alone.
  bool can_hold(size_t size_bytes) const { return capacity_bytes_ == 0 || size_bytes <= capacity_bytes_; }
  // The entry that must go before `n_entries` more of `size_bytes` together fit; kNone when none must.  Ask again once
  // it is removed.
  uint32_t next_to_go(size_t n_entries, size_t size_bytes);
  // The entry that has been there for longest, when its time is over at `now`.
  uint32_t next_expired(double now) const {
    return ttl_seconds_ > 0 && eldest_ != kNone && ages_[eldest_].expires <= now ? eldest_ : kNone;
  }
  bool has_expired(uint32_t entry, double now) const { return ttl_seconds_ > 0 && ages_[entry].expires <= now; }

  // A number for a new entry, below the greatest number of entries there has been.  Changes nothing when it throws
  // bad_alloc.
  uint32_t add(uint32_t tag, size_t size_bytes, double now);
  void remove(uint32_t entry);
  // An entry was used.
  void touch(uint32_t entry) {
    if (policy_ == CachePolicy::lru) {
      if (entry != main_.head) move_to_head(entry);
    } else if (entries_[entry].uses < kMostUses) {
      ++entries_[entry].uses;
    }
  }
  // An entry has another value from now on.
  void renew(uint32_t entry, size_t size_bytes, double now);
  // Its value has another size.
  void resize(uint32_t entry, size_t size_bytes);

  // For how many entries to make room at once where there was room for `n`.  Where a capacity limits them soon: for
  // all, since memory that is not touched is not taken, and what grows by doubling is copied and touched twice.
  size_t room_beyond(size_t n) const {
    return capacity_ > n && n >= kFewEntries && capacity_ / kReach <= n ? capacity_ : 2 * n + 1;
  }
  size_t n_entries() const { return small_.n + main_.n; }
  size_t size_bytes() const { return small_.size_bytes + main_.size_bytes; }
  double ttl_seconds() const { return ttl_seconds_; }

 private:
  static constexpr uint8_t kMostUses = 3;
  static constexpr size_t kFewEntries = 127, kReach = 64;
  struct Place {
    uint32_t tag = 0;
    uint32_t entry = kNone;
  };
  struct Entry {
    size_t size_bytes = 0;
    uint32_t tag = 0;
    uint32_t newer = kNone, older = kNone;  // in its queue
    uint8_t uses = 0;
    bool is_small = false;
  };
  struct Age {
    double expires = 0;
    uint32_t younger = kNone, elder = kNone;  // by when it came or was renewed
  };
  struct Queue {
    uint32_t head = kNone, tail = kNone;
    size_t n = 0, size_bytes = 0;
  };

  size_t home(uint32_t tag) const { return tag >> shift_; }
  void grow_table();
  void erase_place(uint32_t entry);
  Queue& queue_of(const Entry& entry) { return entry.is_small ? small_ : main_; }
  void push(Queue& queue, uint32_t entry);
  void unlink(uint32_t entry);
  void move_to_head(uint32_t entry);
  void push_youngest(uint32_t entry, double now);
  void unlink_age(uint32_t entry);
  bool is_small_full() const;
  uint32_t last_of_s3_fifo();

  CachePolicy policy_;
  size_t capacity_, capacity_bytes_;
  double ttl_seconds_;
  int shift_ = 0;
  std::vector<Place> table_;  // of a power of two, at most three quarters full
  std::vector<Entry> entries_;
  std::vector<Age> ages_;  // of the entries, where there is a time to live
  std::vector<uint32_t> free_;
  Queue small_, main_;
  uint32_t eldest_ = kNone, youngest_ = kNone;
  std::unique_ptr<CacheGhosts> ghosts_;  // S3-FIFO only
};

}  // namespace tidemill
