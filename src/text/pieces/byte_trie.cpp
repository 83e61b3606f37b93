#include "text/pieces/byte_trie.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>

#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr uint32_t kBlock = 256;  // the children of a node share a block, for they differ in the low eight bits only
constexpr uint32_t kMaxUnits = 1u << 23;
// Blocks that are searched for room for several children before a new one is opened.  A block in which so many searches
// failed is left to single children, so that building takes linear time.
constexpr size_t kSearchedBlocks = 32;
constexpr uint32_t kMaxFailures = 64;

// A set of the slots of a block.
class Slots {
 public:
  static Slots all() {
    Slots slots;
    slots.words_.fill(~uint64_t{0});
    return slots;
  }
  void remove(uint32_t slot) { words_[slot / 64] &= ~(uint64_t{1} << slot % 64); }
  Slots operator&(const Slots& other) const {
    Slots both;
    for (size_t k = 0; k < words_.size(); ++k) both.words_[k] = words_[k] & other.words_[k];
    return both;
  }
  // The slots that `byte` leads to one of these from: every number is exchanged for its exclusive or with `byte`.
  Slots exchanged(uint8_t byte) const {
    constexpr uint64_t kHalves[] = {0x5555555555555555, 0x3333333333333333, 0x0F0F0F0F0F0F0F0F,
                                    0x00FF00FF00FF00FF, 0x0000FFFF0000FFFF, 0x00000000FFFFFFFF};
    Slots result;
    for (uint32_t k = 0; k < words_.size(); ++k) {
      uint64_t word = words_[k ^ byte >> 6];
      for (uint32_t bit = 0; bit < 6; ++bit) {
        if (byte >> bit & 1) word = (word >> (1u << bit) & kHalves[bit]) | (word & kHalves[bit]) << (1u << bit);
      }
      result.words_[k] = word;
    }
    return result;
  }
  // 256 when there is none.
  uint32_t first() const {
    for (uint32_t k = 0; k < words_.size(); ++k) {
      if (words_[k] != 0) return k * 64 + static_cast<uint32_t>(std::countr_zero(words_[k]));
    }
    return kBlock;
  }

 private:
  std::array<uint64_t, 4> words_ = {};
};

}  // namespace

// Places the nodes breadth first, so that those near the root, which every walk passes, lie together.
class ByteTrie::Builder {
 public:
  Builder(std::span<const Entry> keys, std::vector<Unit>& units) : keys_(keys), units_(units) {}

  void build() {
    add_block();
    blocks_[0].free.remove(kRoot);
    --blocks_[0].n_free;
    blocks_[0].bases.remove(0);  // base 0 means "no children"
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
  struct Child {
    uint8_t byte;
    uint32_t begin;  // of its keys
  };
  struct Block {
    Slots free = Slots::all();
    Slots bases = Slots::all();  // that no node has yet
    uint32_t n_free = kBlock;
    uint32_t n_failures = 0;
  };

  void place_children(Range range, size_t depth, std::vector<Range>& next) {
    if (keys_[range.begin].key.size() == depth) units_[range.node].value = keys_[range.begin++].value;
    children_.clear();
    for (uint32_t k = range.begin; k < range.end; ++k) {
      const auto byte = static_cast<uint8_t>(keys_[k].key[depth]);
      if (children_.empty() || children_.back().byte != byte) children_.push_back({byte, k});
    }
    if (children_.empty()) return;
    const uint32_t base = children_.size() == 1 ? base_for_one() : base_for_several();
    Block& block = blocks_[base / kBlock];
    block.bases.remove(base % kBlock);
    block.n_free -= static_cast<uint32_t>(children_.size());
    units_[range.node].link = base << kLabelBits | (units_[range.node].link & kLabelMask);
    for (size_t k = 0; k < children_.size(); ++k) {
      const Node child = base ^ children_[k].byte;
      block.free.remove(child % kBlock);
      units_[child] = {children_[k].byte, -1};
      next.push_back({children_[k].begin, k + 1 < children_.size() ? children_[k + 1].begin : range.end, child});
    }
  }

  // The oldest block with a free slot nearly always serves.
  uint32_t base_for_one() {
    for (; oldest_ < blocks_.size(); ++oldest_) {
      const uint32_t base = base_in(oldest_);
      if (base < kBlock) return oldest_ * kBlock + base;
    }
    return add_block();
  }

  uint32_t base_for_several() {
    for (size_t k = searched_.size(); k-- > 0;) {
      const uint32_t number = searched_[k];
      Block& block = blocks_[number];
      const uint32_t base = block.n_free < children_.size() ? kBlock : base_in(number);
      if (base < kBlock) return number * kBlock + base;
      if (++block.n_failures >= kMaxFailures) searched_.erase(searched_.begin() + static_cast<std::ptrdiff_t>(k));
    }
    return add_block();
  }

  // A base at which all of children_ find a free slot; 256 when there is none.
  uint32_t base_in(uint32_t number) const {
    Slots bases = blocks_[number].bases;
    for (const Child& child : children_) bases = bases & blocks_[number].free.exchanged(child.byte);
    return bases.first();
  }

  // A new block, and its first base.
  uint32_t add_block() {
    const auto begin = static_cast<uint32_t>(units_.size());
    if (begin + kBlock > kMaxUnits) {
      throw Error(ErrorCode::unsupported,
                  "vocabulary: its tokens need more than 8 million nodes; take one with fewer or shorter tokens");
    }
    units_.resize(begin + kBlock, Unit{kFree, -1});
    blocks_.emplace_back();
    if (searched_.size() == kSearchedBlocks) searched_.erase(searched_.begin());
    searched_.push_back(begin / kBlock);
    return begin;
  }

  std::span<const Entry> keys_;
  std::vector<Unit>& units_;
  std::vector<Block> blocks_;
  std::vector<uint32_t> searched_;  // blocks with room for several children, the newest last
  uint32_t oldest_ = 0;             // all blocks before have no slot for a single child
  std::vector<Child> children_;     // of the node that is being placed
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
