#include "grammar/token_mask.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace tidemill::grammar {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

// Adds the tokens of a trie that the automaton accepts from `state`.
void walk(const TokenTrie& trie, size_t max_bytes, Automaton& automaton, Automaton::State state,
          std::vector<int32_t>& ids) {
  std::vector<Automaton::State> path(max_bytes + 1, state);  // by depth
  const auto n_nodes = static_cast<uint32_t>(trie.nodes.size());
  for (uint32_t index = 0; index < n_nodes;) {
    const TokenTrie::Node& node = trie.nodes[index];
    const Automaton::State next = automaton.next(path[node.above], node.byte);
    if (next == Automaton::kDead) {
      index = node.after;
      continue;
    }
    path[node.above + size_t{1}] = next;
    for (uint32_t k = 0; k < node.n_ids; ++k) ids.push_back(trie.ids[node.first_id + k]);
    ++index;
  }
}

void copy_where(const TokenBits& bits, std::span<const float> scores, std::vector<float>& masked) {
  const size_t n_words = std::min(bits.size(), (scores.size() + 63) / 64);
  for (size_t word = 0; word < n_words; ++word) {
    uint64_t left = bits[word];
    const size_t first = word * 64;
    if (left == ~uint64_t{0} && first + 64 <= scores.size()) {
      std::copy_n(scores.begin() + static_cast<std::ptrdiff_t>(first), 64,
                  masked.begin() + static_cast<std::ptrdiff_t>(first));
      continue;
    }
    for (; left != 0; left &= left - 1) {
      const size_t id = first + static_cast<size_t>(__builtin_ctzll(left));
      if (id < scores.size()) masked[id] = scores[id];
    }
  }
}

}  // namespace

TokenMask::TokenMask(const TokenBits* shared, std::vector<int32_t> ids, bool may_end, const Vocabulary& vocabulary)
    : vocabulary_(&vocabulary), shared_(shared), ids_(std::move(ids)), may_end_(may_end) {
  if (ids_.size() * 32 <= vocabulary.size()) {  // not larger than bits
    std::sort(ids_.begin(), ids_.end());
    ids_.shrink_to_fit();
    return;
  }
  own_.resize((vocabulary.size() + 63) / 64);
  for (const int32_t id : std::exchange(ids_, {})) own_[static_cast<size_t>(id) / 64] |= uint64_t{1} << (id % 64);
}

bool TokenMask::allows(int32_t id) const {
  if (id < 0 || static_cast<size_t>(id) >= vocabulary_->size()) return false;
  const auto has = [&](const TokenBits& bits) { return (bits[static_cast<size_t>(id) / 64] >> (id % 64) & 1) != 0; };
  return (shared_ != nullptr && has(*shared_)) || (!own_.empty() && has(own_)) ||
         std::binary_search(ids_.begin(), ids_.end(), id);
}

void TokenMask::apply(std::span<const float> scores, bool ends, std::vector<float>& masked) const {
  masked.assign(scores.size(), kNever);
  const auto copy = [&](int32_t id) {
    const auto at = static_cast<size_t>(id);
    if (at < scores.size()) masked[at] = scores[at];
  };
  if (shared_ != nullptr) copy_where(*shared_, scores, masked);
  copy_where(own_, scores, masked);
  std::for_each(ids_.begin(), ids_.end(), copy);
  if (may_end_ && ends) std::for_each(vocabulary_->stop_ids().begin(), vocabulary_->stop_ids().end(), copy);
}

TokenMask find_mask(Automaton& automaton, TextFreedom& freedom, Automaton::State state, const Vocabulary& vocabulary) {
  std::vector<int32_t> ids;
  const TokenBits* shared = nullptr;
  if (const auto n = freedom.find(automaton, state))
    shared = *n == 0 ? nullptr : &vocabulary.text_of_at_most(*n);
  else
    walk(vocabulary.text(), vocabulary.max_bytes(), automaton, state, ids);
  walk(vocabulary.others(), vocabulary.max_bytes(), automaton, state, ids);
  return TokenMask(shared, std::move(ids), automaton.accepts(state), vocabulary);
}

}  // namespace tidemill::grammar
