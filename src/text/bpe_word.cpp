#include "text/bpe_word.h"

#include <algorithm>
#include <functional>

namespace tidemill {
namespace {

constexpr uint32_t kEnd = 0xFFFFFFFFu;
// Where the queue begins to be quicker than the scan.
constexpr size_t kLongestShort = 48;

}  // namespace

void BpeWord::merge(const BpePairs& pairs) {
  if (symbols_.size() < 2) return;
  if (symbols_.size() <= kLongestShort) {
    merge_short(pairs);
  } else {
    merge_long(pairs);
  }
}

void BpeWord::merge_short(const BpePairs& pairs) {
  size_t n_pairs = symbols_.size() - 1;
  merges_.resize(n_pairs);
  for (size_t k = 0; k < n_pairs; ++k) merges_[k] = pairs.find(symbols_[k].id, symbols_[k + 1].id);
  while (n_pairs > 0) {
    const auto best = std::min_element(merges_.begin(), merges_.begin() + n_pairs,
                                       [](const auto& a, const auto& b) { return a.rank < b.rank; });
    if (best->rank == BpePairs::kNone) break;
    const size_t left = best - merges_.begin();
    symbols_[left] = {best->id, symbols_[left].size + symbols_[left + 1].size};
    std::copy(symbols_.begin() + left + 2, symbols_.begin() + n_pairs + 1, symbols_.begin() + left + 1);
    std::copy(merges_.begin() + left + 1, merges_.begin() + n_pairs, merges_.begin() + left);
    --n_pairs;
    if (left > 0) merges_[left - 1] = pairs.find(symbols_[left - 1].id, symbols_[left].id);
    if (left < n_pairs) merges_[left] = pairs.find(symbols_[left].id, symbols_[left + 1].id);
  }
  symbols_.resize(n_pairs + 1);
}

void BpeWord::merge_long(const BpePairs& pairs) {
  const auto n_symbols = static_cast<uint32_t>(symbols_.size());
  links_.resize(n_symbols);
  heap_.clear();
  for (uint32_t k = 0; k < n_symbols; ++k) links_[k] = {{}, k == 0 ? kEnd : k - 1, k + 1 == n_symbols ? kEnd : k + 1};
  for (uint32_t k = 0; k + 1 < n_symbols; ++k) link(pairs, k);
  std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
  const auto relink = [&](uint32_t left) {
    const size_t n_before = heap_.size();
    link(pairs, left);
    if (heap_.size() > n_before) std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  };
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    const auto rank = static_cast<uint32_t>(heap_.back() >> 32);
    const auto left = static_cast<uint32_t>(heap_.back());
    heap_.pop_back();
    Link& a = links_[left];
    if (a.merge.rank != rank) continue;  // the pair has changed since
    Link& b = links_[a.next];
    symbols_[left] = {a.merge.id, symbols_[left].size + symbols_[a.next].size};
    a.next = b.next;
    a.merge = b.merge = {};
    if (a.next != kEnd) {
      links_[a.next].previous = left;
      relink(left);
    }
    if (a.previous != kEnd) relink(a.previous);
  }
  size_t n_left = 0;
  for (uint32_t k = 0; k != kEnd; k = links_[k].next) symbols_[n_left++] = symbols_[k];
  symbols_.resize(n_left);
}

// Looks up the pair of `left` and its next symbol; the caller keeps the heap's order.
void BpeWord::link(const BpePairs& pairs, uint32_t left) {
  Link& a = links_[left];
  a.merge = pairs.find(symbols_[left].id, symbols_[a.next].id);
  if (a.merge.rank != BpePairs::kNone) heap_.push_back(uint64_t{a.merge.rank} << 32 | left);
}

}  // namespace tidemill
