#include "text/training/word_counts.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>

#include "text/pieces/folded_product.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr uint32_t kFree = std::numeric_limits<uint32_t>::max();
constexpr size_t kFirstSlots = 1024;

template <typename Number>
uint64_t load(const char* bytes) {
  Number number;
  std::memcpy(&number, bytes, sizeof(number));
  return number;
}

// Up to 16 bytes by two loads that may overlap.
uint64_t hash_of(std::string_view word) {
  const char* bytes = word.data();
  const size_t n = word.size();
  uint64_t first = 0, last = 0;
  if (n > 16) {
    return hash_long_piece(word);
  } else if (n >= 8) {
    first = load<uint64_t>(bytes);
    last = load<uint64_t>(bytes + n - 8);
  } else if (n >= 4) {
    first = load<uint32_t>(bytes);
    last = load<uint32_t>(bytes + n - 4);
  } else if (n > 0) {
    first = load<uint8_t>(bytes) | load<uint8_t>(bytes + n / 2) << 8;
    last = load<uint8_t>(bytes + n - 1);
  }
  return folded_product(first ^ 0x2D358DCCAA6C78A5u, last ^ 0x8BB84B93962EACC9u ^ n << 32);
}

}  // namespace

void WordCounts::add(std::string_view word, int64_t count) {
  if (entries_.size() * 2 >= slots_.size()) grow();
  const uint64_t hash = hash_of(word);
  const size_t mask = slots_.size() - 1;
  for (size_t k = hash & mask;; k = (k + 1) & mask) {
    Slot& slot = slots_[k];
    if (slot.entry == kFree) {
      slot = {hash, static_cast<uint32_t>(entries_.size())};
      entries_.push_back({bytes_.size(), count, static_cast<uint32_t>(word.size())});
      bytes_ += word;
      return;
    }
    if (slot.hash == hash && this->word(slot.entry) == word) {
      entries_[slot.entry].count += count;
      return;
    }
  }
}

void WordCounts::add(const WordCounts& other) {
  for (size_t k = 0; k < other.size(); ++k) add(other.word(k), other.count(k));
}

int64_t WordCounts::total() const {
  int64_t total = 0;
  for (const Entry& entry : entries_) total += entry.count;
  return total;
}

std::vector<uint32_t> WordCounts::sorted() const {
  std::vector<uint32_t> order(size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return word(a) < word(b); });
  return order;
}

void WordCounts::grow() {
  if (entries_.size() >= kFree / 2) {
    throw Error(ErrorCode::out_of_memory, "training: too many distinct words; train on a part of the text");
  }
  std::vector<Slot> slots(slots_.empty() ? kFirstSlots : slots_.size() * 2, Slot{0, kFree});
  const size_t mask = slots.size() - 1;
  for (const Slot& old : slots_) {
    if (old.entry == kFree) continue;
    size_t k = old.hash & mask;
    while (slots[k].entry != kFree) k = (k + 1) & mask;
    slots[k] = old;
  }
  slots_ = std::move(slots);
}

}  // namespace tidemill
