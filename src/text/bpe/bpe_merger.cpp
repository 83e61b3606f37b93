#include "text/bpe/bpe_merger.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>

#include "text/unicode/utf8.h"

namespace tidemill {
namespace {

constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
constexpr uint32_t kNeverMerged = std::numeric_limits<uint32_t>::max();

// Floats in descending order as integers in ascending order.  The two zeros are equal.
uint32_t descending(float score) {
  const auto bits = std::bit_cast<uint32_t>(score + 0.0f);
  return bits & 0x80000000u ? bits : ~bits & 0x7FFFFFFFu;
}

}  // namespace

BpeMerger::BpeMerger(const TokenIndex& index, std::span<const float> scores, std::span<const Role> roles)
    : index_(index), hash_(index.longest()), ranks_(scores.size()) {
  for (size_t id = 0; id < scores.size(); ++id) {
    ranks_[id] = roles[id] == Role::none ? kNeverMerged : descending(scores[id]);
  }
  if (std::find(roles.begin(), roles.end(), Role::resplit) == roles.end()) return;
  for (const Role role : roles) resplit_.push_back(role == Role::resplit);
}

std::span<const BpeMerger::Piece> BpeMerger::merge(std::string_view word, Scratch& scratch) const {
  scratch.pieces_.clear();
  scratch.candidates_.clear();
  scratch.left_sizes_.clear();
  split_characters(word, scratch);
  const auto n_symbols = static_cast<uint32_t>(scratch.symbols_.size());
  for (uint32_t left = 0; left + 1 < n_symbols; ++left) add_candidate(word, left, scratch);
  std::make_heap(scratch.candidates_.begin(), scratch.candidates_.end(), std::greater<>());
  merge_candidates(word, scratch);
  for (uint32_t k = 0; k < n_symbols; k = scratch.symbols_[k].next) emit(word, scratch.symbols_[k], scratch);
  return scratch.pieces_;
}

void BpeMerger::split_characters(std::string_view word, Scratch& scratch) const {
  std::vector<Symbol>& symbols = scratch.symbols_;
  symbols.clear();
  for (size_t pos = 0; pos < word.size();) {
    const std::string_view character = word.substr(pos, utf8_step(word.substr(pos)).n_bytes);
    const uint64_t hash = JoinableHash::of(character);
    const auto k = static_cast<uint32_t>(symbols.size());
    symbols.push_back({.hash = hash,
                       .begin = static_cast<uint32_t>(pos),
                       .size = static_cast<uint32_t>(character.size()),
                       .previous = k - 1,  // kNone before the first
                       .next = k + 1,
                       .id = find(character, hash)});
    pos += character.size();
  }
  if (!symbols.empty()) symbols.back().next = kNone;
}

// Remembers the pair of `left` and its right neighbour if it makes a token.  The caller keeps the heap's order.
void BpeMerger::add_candidate(std::string_view word, uint32_t left, Scratch& scratch) const {
  const Symbol& a = scratch.symbols_[left];
  const Symbol& b = scratch.symbols_[a.next];
  const size_t size = size_t{a.size} + b.size;
  if (size > index_.longest()) return;
  const int32_t id = find(word.substr(a.begin, size), hash_.join(a.hash, b.hash, b.size));
  if (id < 0) return;
  scratch.candidates_.push_back({uint64_t{ranks_[id]} << 32 | left, id, static_cast<uint32_t>(size)});
  if (!resplit_.empty() && resplit_[id]) scratch.left_sizes_[id] = a.size;  // the last one seen counts
}

void BpeMerger::merge_candidates(std::string_view word, Scratch& scratch) const {
  std::vector<Candidate>& heap = scratch.candidates_;
  const auto push = [&](uint32_t left) {
    const size_t n_before = heap.size();
    add_candidate(word, left, scratch);
    if (heap.size() > n_before) std::push_heap(heap.begin(), heap.end(), std::greater<>());
  };
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    const Candidate best = heap.back();
    heap.pop_back();
    const auto left = static_cast<uint32_t>(best.order);
    Symbol& a = scratch.symbols_[left];
    if (a.size == 0 || a.next == kNone) continue;
    Symbol& b = scratch.symbols_[a.next];
    if (a.size + b.size != best.size) continue;
    a.hash = hash_.join(a.hash, b.hash, b.size);
    a.size = best.size;
    a.id = best.id;
    a.next = b.next;
    b.size = 0;
    if (a.next != kNone) scratch.symbols_[a.next].previous = left;
    if (a.previous != kNone) push(a.previous);
    if (a.next != kNone) push(left);
  }
}

void BpeMerger::emit(std::string_view word, const Symbol& symbol, Scratch& scratch) const {
  const Piece piece{symbol.begin, symbol.begin + symbol.size, symbol.id};
  if (resplit_.empty()) {
    scratch.pieces_.push_back(piece);
    return;
  }
  std::vector<Piece>& stack = scratch.unsplit_;
  stack.assign(1, piece);
  while (!stack.empty()) {
    const Piece top = stack.back();
    stack.pop_back();
    const auto split = scratch.left_sizes_.find(top.id);
    if (top.id < 0 || !resplit_[top.id] || split == scratch.left_sizes_.end()) {
      scratch.pieces_.push_back(top);
      continue;
    }
    const auto part = [&](uint32_t begin, uint32_t end) {
      const std::string_view bytes = word.substr(begin, end - begin);
      return Piece{begin, end, find(bytes, JoinableHash::of(bytes))};
    };
    const uint32_t middle = top.begin + split->second;
    stack.push_back(part(middle, top.end));
    stack.push_back(part(top.begin, middle));
  }
}

// The token of `bytes` if merging may make it, else -1.
int32_t BpeMerger::find(std::string_view bytes, uint64_t hash) const {
  const int32_t id = index_.find(bytes, hash);
  return id >= 0 && ranks_[id] != kNeverMerged ? id : -1;
}

}  // namespace tidemill
