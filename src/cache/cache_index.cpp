#include "tidemill/cache_index.h"

#include <algorithm>

#include "cache/cache_ghosts.h"

namespace tidemill {
namespace {

constexpr int kFirstTableBits = 4;
constexpr int kMostTableBitsAtOnce = 4;
constexpr size_t kSmallShare = 10;  // the small queue has one part in so many (Yang et al. 2023, section 4.1)

}  // namespace

CacheIndex::CacheIndex(CachePolicy policy, size_t capacity, size_t capacity_bytes, double ttl_seconds)
    : policy_(policy),
      capacity_(capacity),
      capacity_bytes_(capacity_bytes),
      ttl_seconds_(ttl_seconds),
      shift_(32 - kFirstTableBits),
      table_(size_t{1} << kFirstTableBits),
      ghosts_(policy == CachePolicy::s3_fifo ? std::make_unique<CacheGhosts>() : nullptr) {}

CacheIndex::~CacheIndex() = default;
CacheIndex::CacheIndex(CacheIndex&&) noexcept = default;
CacheIndex& CacheIndex::operator=(CacheIndex&&) noexcept = default;

uint32_t CacheIndex::next_to_go(size_t n_entries, size_t size_bytes) {
  const size_t n = this->n_entries();
  if (n == 0) return kNone;
  const bool is_full = capacity_ > 0 && n + n_entries > capacity_;
  const bool is_heavy = capacity_bytes_ > 0 && this->size_bytes() + size_bytes > capacity_bytes_;
  if (!is_full && !is_heavy) return kNone;
  return policy_ == CachePolicy::lru ? main_.tail : last_of_s3_fifo();
}

bool CacheIndex::is_small_full() const {
  return (capacity_ > 0 && small_.n * kSmallShare >= capacity_) ||
         (capacity_bytes_ > 0 && small_.size_bytes >= capacity_bytes_ / kSmallShare);
}

uint32_t CacheIndex::last_of_s3_fifo() {
  while (true) {
    if (small_.n > 0 && (main_.n == 0 || is_small_full())) {
      const uint32_t last = small_.tail;
      Entry& entry = entries_[last];
      if (entry.uses <= 1) {
        ghosts_->add(entry.tag, main_.n);
        return last;
      }
      unlink(last);
      entry.uses = 0;
      entry.is_small = false;
      push(main_, last);
    } else {
      const uint32_t last = main_.tail;
      if (entries_[last].uses == 0) return last;
      --entries_[last].uses;
      move_to_head(last);
    }
  }
}

uint32_t CacheIndex::add(uint32_t tag, size_t size_bytes, double now) {
  if ((n_entries() + 1) * 4 > table_.size() * 3) grow_table();
  if (free_.empty()) {
    const size_t n = entries_.size();
    const auto make_room = [&](auto& array) {
      if (array.capacity() <= n) array.reserve(room_beyond(n));
    };
    make_room(entries_);
    make_room(free_);  // so that `remove` never throws
    if (ttl_seconds_ > 0) {
      make_room(ages_);
      ages_.emplace_back();
    }
    entries_.emplace_back();
    free_.push_back(static_cast<uint32_t>(entries_.size() - 1));
  }
  const uint32_t number = free_.back();
  free_.pop_back();
  Entry& entry = entries_[number];
  entry = {.size_bytes = size_bytes, .tag = tag};
  entry.is_small = ghosts_ && !ghosts_->take(tag, main_.n);
  size_t place = home(tag);
  while (table_[place].entry != kNone) place = (place + 1) & (table_.size() - 1);
  table_[place] = {.tag = tag, .entry = number};
  push(queue_of(entry), number);
  push_youngest(number, now);
  return number;
}

void CacheIndex::remove(uint32_t entry) {
  erase_place(entry);
  unlink(entry);
  unlink_age(entry);
  free_.push_back(entry);
}

void CacheIndex::renew(uint32_t entry, size_t size_bytes, double now) {
  resize(entry, size_bytes);
  unlink_age(entry);
  push_youngest(entry, now);
}

void CacheIndex::resize(uint32_t entry, size_t size_bytes) {
  Queue& queue = queue_of(entries_[entry]);
  queue.size_bytes += size_bytes - entries_[entry].size_bytes;
  entries_[entry].size_bytes = size_bytes;
}

void CacheIndex::grow_table() {
  // To its last size at once where that is near, for all that was placed is placed anew.
  int bits = 1;
  if (n_entries() >= kFewEntries) {
    while (bits < kMostTableBitsAtOnce && capacity_ / 3 * 4 > table_.size() << bits) ++bits;
  }
  std::vector<Place> wider(table_.size() << bits);
  shift_ -= bits;
  wider.swap(table_);
  for (const Place& from : wider) {
    if (from.entry == kNone) continue;
    size_t place = home(from.tag);
    while (table_[place].entry != kNone) place = (place + 1) & (table_.size() - 1);
    table_[place] = from;
  }
}

// Closes the gap with those behind it that are not at home, so that no look-up ends too early (Knuth, The Art of
// Computer Programming 3, algorithm 6.4R).
void CacheIndex::erase_place(uint32_t entry) {
  const size_t mask = table_.size() - 1;
  size_t gap = home(entries_[entry].tag);
  while (table_[gap].entry != entry) gap = (gap + 1) & mask;
  for (size_t place = (gap + 1) & mask; table_[place].entry != kNone; place = (place + 1) & mask) {
    const size_t from_home = (place - home(table_[place].tag)) & mask;
    if (from_home < ((place - gap) & mask)) continue;
    table_[gap] = table_[place];
    gap = place;
  }
  table_[gap] = {};
}

void CacheIndex::push(Queue& queue, uint32_t entry) {
  Entry& pushed = entries_[entry];
  pushed.newer = kNone;
  pushed.older = queue.head;
  (queue.head == kNone ? queue.tail : entries_[queue.head].newer) = entry;
  queue.head = entry;
  ++queue.n;
  queue.size_bytes += pushed.size_bytes;
}

void CacheIndex::unlink(uint32_t entry) {
  const Entry& gone = entries_[entry];
  Queue& queue = queue_of(gone);
  (gone.newer == kNone ? queue.head : entries_[gone.newer].older) = gone.older;
  (gone.older == kNone ? queue.tail : entries_[gone.older].newer) = gone.newer;
  --queue.n;
  queue.size_bytes -= gone.size_bytes;
}

void CacheIndex::move_to_head(uint32_t entry) {
  unlink(entry);
  push(queue_of(entries_[entry]), entry);
}

void CacheIndex::push_youngest(uint32_t entry, double now) {
  if (ttl_seconds_ <= 0) return;
  ages_[entry] = {.expires = now + ttl_seconds_, .elder = youngest_};
  (youngest_ == kNone ? eldest_ : ages_[youngest_].younger) = entry;
  youngest_ = entry;
}

void CacheIndex::unlink_age(uint32_t entry) {
  if (ttl_seconds_ <= 0) return;
  const Age& gone = ages_[entry];
  (gone.younger == kNone ? youngest_ : ages_[gone.younger].elder) = gone.elder;
  (gone.elder == kNone ? eldest_ : ages_[gone.elder].younger) = gone.younger;
}

}  // namespace tidemill
