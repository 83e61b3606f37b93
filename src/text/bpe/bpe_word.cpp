#include "text/bpe/bpe_word.h"

#include <algorithm>
#include <functional>

namespace tidemill {
namespace {

constexpr uint32_t kEnd = 0xFFFFFFFFu;

}  // namespace

BpeBytePairs::BpeBytePairs(std::span<const uint32_t> ids, const BpePairs& pairs) : ids_(ids.begin(), ids.end()) {
  if (ids_.empty()) return;
  merges_.reserve(ids_.size() * ids_.size());
  for (const uint32_t left : ids_) {
    for (const uint32_t right : ids_) merges_.push_back(pairs.find(left, right));
  }
}

// Symbols of a short word.  A merged one stays in its place with no merge of its own, so that nothing moves and the
// lowest number is the leftmost of the lowest ranks.
class BpeWord::Short {
 public:
  explicit Short(const BpePairs& pairs) : pairs_(pairs) {}

  void add(uint32_t id) { ids_[n_++] = id; }
  // Of symbol k and the next one.
  void set_merge(size_t k, uint32_t merge) {
    order_[k] = merge == BpePairs::kNone ? kNever : uint64_t{merge} << kPlaceBits | k;
  }
  void find_merge(size_t k) { set_merge(k, pairs_.find(ids_[k], ids_[k + 1])); }

  void merge_all() {
    for (size_t k = 0; k < n_; ++k) {
      next_[k] = static_cast<uint8_t>(k + 1);
      previous_[k] = static_cast<uint8_t>(k - 1);
    }
    const size_t n_rounded = (n_ + 3) / 4 * 4;
    for (size_t k = n_ - 1; k < n_rounded; ++k) order_[k] = kNever;
    while (true) {
      // Four minima side by side, for their latency.
      std::array<uint64_t, 4> best = {kNever, kNever, kNever, kNever};
      for (size_t k = 0; k < n_rounded; k += 4) {
        for (size_t way = 0; way < 4; ++way) best[way] = std::min(best[way], order_[k + way]);
      }
      const uint64_t first = std::min(std::min(best[0], best[1]), std::min(best[2], best[3]));
      if (first == kNever) return;
      merge(first & ((1u << kPlaceBits) - 1), static_cast<uint32_t>(first >> kPlaceBits));
    }
  }

  template <typename Emit>
  void for_each(const Emit& emit) const {
    for (size_t k = 0; k < n_; k = next_[k]) emit(ids_[k], k, size_t{next_[k]});
  }

 private:
  static constexpr int kPlaceBits = 6;
  static constexpr uint64_t kNever = ~uint64_t{0};
  static_assert(kLongestShort <= size_t{1} << kPlaceBits && kLongestShort % 4 == 0);

  void merge(size_t left, uint32_t merge) {
    const size_t right = next_[left];
    const size_t after = next_[right];
    ids_[left] = pairs_.id(merge);
    order_[right] = kNever;
    next_[left] = static_cast<uint8_t>(after);
    if (after < n_) {
      previous_[after] = static_cast<uint8_t>(left);
      set_merge(left, pairs_.find(ids_[left], ids_[after]));
    } else {
      order_[left] = kNever;
    }
    if (left > 0) set_merge(previous_[left], pairs_.find(ids_[previous_[left]], ids_[left]));
  }

  const BpePairs& pairs_;
  size_t n_ = 0;
  std::array<uint32_t, kLongestShort> ids_;
  // Of a symbol and the next: its merge, then its place.  64 bits, for which no compiler makes vectors of words this
  // short.
  std::array<uint64_t, kLongestShort> order_;
  std::array<uint8_t, kLongestShort> next_, previous_;
};

void BpeWord::merge(const BpePairs& pairs) {
  if (symbols_.size() < 2) return;
  if (symbols_.size() <= kLongestShort && !pairs.has_ties()) {
    merge_short(pairs);
  } else {
    merge_long(pairs, nullptr);
  }
}

void BpeWord::merge(const BpePairs& pairs, Parts& parts) {
  merge_long(pairs, &parts);
}

void BpeWord::merge_short(const BpePairs& pairs) {
  Short word(pairs);
  for (const Symbol& symbol : symbols_) word.add(symbol.id);
  for (size_t k = 0; k + 1 < symbols_.size(); ++k) word.find_merge(k);
  word.merge_all();
  size_t n_left = 0;
  word.for_each([&](uint32_t id, size_t begin, size_t end) {
    uint32_t size = 0;
    for (size_t k = begin; k < end; ++k) size += symbols_[k].size;
    symbols_[n_left++] = {id, size};
  });
  symbols_.resize(n_left);
}

void BpeWord::merge_bytes(std::string_view piece, const BpeBytePairs& bytes, const BpePairs& pairs) {
  Short word(pairs);
  for (const char byte : piece) word.add(bytes.id(byte));
  for (size_t k = 0; k + 1 < piece.size(); ++k) word.set_merge(k, bytes.merge(piece[k], piece[k + 1]));
  word.merge_all();
  symbols_.clear();
  word.for_each([&](uint32_t id, size_t begin, size_t end) { add(id, static_cast<uint32_t>(end - begin)); });
}

void BpeWord::merge_long(const BpePairs& pairs, Parts* parts) {
  const auto n_symbols = static_cast<uint32_t>(symbols_.size());
  links_.resize(n_symbols);
  heap_.clear();
  for (uint32_t k = 0; k < n_symbols; ++k) {
    links_[k] = {BpePairs::kNone, k == 0 ? kEnd : k - 1, k + 1 == n_symbols ? kEnd : k + 1};
  }
  for (uint32_t k = 0; k + 1 < n_symbols; ++k) link(pairs, k, parts);
  std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
  const auto relink = [&](uint32_t left) {
    const size_t n_before = heap_.size();
    link(pairs, left, parts);
    if (heap_.size() > n_before) std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  };
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    const auto rank = static_cast<uint32_t>(heap_.back() >> 32);
    const auto left = static_cast<uint32_t>(heap_.back());
    heap_.pop_back();
    Link& a = links_[left];
    if (a.merge == BpePairs::kNone || pairs.rank(a.merge) != rank) continue;  // the pair has changed since
    Link& b = links_[a.next];
    symbols_[left] = {pairs.id(a.merge), symbols_[left].size + symbols_[a.next].size};
    a.next = b.next;
    a.merge = b.merge = BpePairs::kNone;
    if (a.next != kEnd) links_[a.next].previous = left;
    if (a.previous != kEnd) relink(a.previous);
    if (a.next != kEnd) relink(left);
  }
  size_t n_left = 0;
  for (uint32_t k = 0; k != kEnd; k = links_[k].next) symbols_[n_left++] = symbols_[k];
  symbols_.resize(n_left);
}

// Looks up the pair of `left` and its next symbol; the caller keeps the heap's order.
void BpeWord::link(const BpePairs& pairs, uint32_t left, Parts* parts) {
  Link& a = links_[left];
  a.merge = pairs.find(symbols_[left].id, symbols_[a.next].id);
  if (a.merge == BpePairs::kNone) return;
  heap_.push_back(uint64_t{pairs.rank(a.merge)} << 32 | left);
  if (parts) (*parts)[pairs.id(a.merge)] = {symbols_[left].id, symbols_[a.next].id};
}

}  // namespace tidemill
