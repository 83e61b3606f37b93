#include "text/byte_trie.h"

#include <algorithm>

#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr uint32_t kBlock = 256;  // the children of a node share a block, for they differ in the low eight bits only
constexpr uint32_t kMaxUnits = 1u << 23;
// Free slots that are tried for the children of a node before a new block is opened: more would hardly make the array
// denser, and a vocabulary made to fragment it must not make loading quadratic.
constexpr int kMaxTries = 64;

}  // namespace

// Places the nodes breadth first, so that those near the root, which every walk passes, lie together.
class ByteTrie::Builder {
 public:
  Builder(std::span<const Entry> keys, std::vector<Unit>& units) : keys_(keys), units_(units) {}

  void build() {
    add_block();
    take(kRoot);
    used_base_[0] = true;  // means "no children"
    units_[kRoot] = {kRootLabel, -1};
    if (keys_.empty()) return;
    std::vector<Range> level{{0, static_cast<uint32_t>(keys_.size()), kRoot}};
    for (size_t depth = 0; !level.empty(); ++depth) {
      std::vector<Range> next;
      for (const Range& range : level) place_children(range, depth, next);
      level = std::move(next);
    }
  }

 private:
  // The sorted keys [begin, end) share their first bytes, which lead to `node`.
  struct Range {
    uint32_t begin, end;
    Node node;
  };
  // Slots that are free form a ring through the slot before the first block.
  struct Link {
    uint32_t previous, next;
  };
  static constexpr uint32_t kRing = 0;  // the ring's own link; slot k has link k + 1

  void place_children(Range range, size_t depth, std::vector<Range>& next) {
    if (keys_[range.begin].key.size() == depth) units_[range.node].value = keys_[range.begin++].value;
    children_.clear();
    for (uint32_t k = range.begin; k < range.end; ++k) {
      const auto byte = static_cast<uint8_t>(keys_[k].key[depth]);
      if (children_.empty() || children_.back().byte != byte) children_.push_back({byte, k});
    }
    if (children_.empty()) return;
    const uint32_t base = find_base();
    used_base_[base] = true;
    units_[range.node].link = base << kLabelBits | (units_[range.node].link & kLabelMask);
    for (size_t k = 0; k < children_.size(); ++k) {
      const Node child = base ^ children_[k].byte;
      take(child);
      units_[child] = {children_[k].byte, -1};
      next.push_back({children_[k].begin, k + 1 < children_.size() ? children_[k + 1].begin : range.end, child});
    }
  }

  // A base at which all of children_ find a free slot.
  uint32_t find_base() {
    int n_tries = 0;
    for (uint32_t link = ring_[kRing].next; link != kRing && n_tries < kMaxTries; link = ring_[link].next, ++n_tries) {
      const uint32_t base = (link - 1) ^ children_[0].byte;
      if (!used_base_[base] && fits(base)) return base;
    }
    return add_block();
  }

  bool fits(uint32_t base) const {
    return std::all_of(children_.begin(), children_.end(),
                       [&](const Child& child) { return units_[base ^ child.byte].link == kFree; });
  }

  uint32_t add_block() {
    const auto begin = static_cast<uint32_t>(units_.size());
    if (begin + kBlock > kMaxUnits) {
      throw Error(ErrorCode::unsupported,
                  "vocabulary: its tokens need more than 8 million nodes; take one with fewer or shorter tokens");
    }
    units_.resize(begin + kBlock, Unit{kFree, -1});
    used_base_.resize(units_.size());
    ring_.resize(units_.size() + 1);
    for (uint32_t link = begin + 1; link <= begin + kBlock; ++link) {
      const uint32_t last = ring_[kRing].previous;
      ring_[last].next = link;
      ring_[link] = {last, kRing};
      ring_[kRing].previous = link;
    }
    return begin;
  }

  void take(Node slot) {
    const Link link = ring_[slot + 1];
    ring_[link.previous].next = link.next;
    ring_[link.next].previous = link.previous;
  }

  struct Child {
    uint8_t byte;
    uint32_t begin;  // of its keys
  };

  std::span<const Entry> keys_;
  std::vector<Unit>& units_;
  std::vector<bool> used_base_;
  std::vector<Link> ring_{{kRing, kRing}};
  std::vector<Child> children_;  // of the node that is being placed
};

ByteTrie::ByteTrie(std::vector<Entry> entries) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    const int order = a.key.compare(b.key);
    return order != 0 ? order < 0 : a.value < b.value;
  });
  size_t n_keys = 0;
  for (const Entry& entry : entries) {
    if (n_keys > 0 && entries[n_keys - 1].key == entry.key) --n_keys;
    entries[n_keys++] = entry;
  }
  entries.resize(n_keys);
  Builder(entries, units_).build();
}

bool ByteTrie::walk(Node& node, std::string_view bytes) const {
  for (const char byte : bytes) {
    if (!step(node, static_cast<uint8_t>(byte))) return false;
  }
  return true;
}

int32_t ByteTrie::find(std::string_view key) const {
  Node node = kRoot;
  return walk(node, key) ? value(node) : -1;
}

std::vector<ByteTrie::Entry> trie_entries(std::span<const std::string_view> tokens) {
  std::vector<ByteTrie::Entry> entries;
  entries.reserve(tokens.size());
  for (size_t id = 0; id < tokens.size(); ++id) {
    if (!tokens[id].empty()) entries.push_back({tokens[id], static_cast<int32_t>(id)});
  }
  return entries;
}

}  // namespace tidemill
