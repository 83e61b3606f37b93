#include "text/unigram/unigram_trie.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr double kLargestSum = 1 << 29;
// With fewer steps between two scores too many words would seem to tie.
constexpr double kLeastScale = 1 << 8;

constexpr uint32_t kMaxPlaces = 1u << 23;
constexpr uint32_t kLeastBlock = 256;
// A word of slots in which so many searches found no room is not searched any more, so that building takes linear time.
constexpr uint8_t kMaxFailures = 16;
// Nor does one take longer than so many looks at slots for each child, and the square of it.
constexpr size_t kMaxLooks = 256;

// A power of two, so that rounding is all that is lost.
double scale_for(double largest_score) {
  const double most = kLargestSum / static_cast<double>(UnigramTrie::kMostTokens) / (largest_score + 1);
  const double scale = std::exp2(std::floor(std::log2(most)));
  return scale >= kLeastScale ? scale : 0;
}

// Sorted by names, each of them once.
std::vector<UnigramTrie::Token> sorted(std::vector<UnigramTrie::Token> tokens) {
  using Token = UnigramTrie::Token;
  std::sort(tokens.begin(), tokens.end(), [](const Token& a, const Token& b) {
    const int order = a.name.compare(b.name);
    return order != 0 ? order < 0 : a.id > b.id;
  });
  const auto is_same = [](const Token& a, const Token& b) { return a.name == b.name; };
  tokens.erase(std::unique(tokens.begin(), tokens.end(), is_same), tokens.end());
  return tokens;
}

}  // namespace

// Places the nodes breadth first, so that those near the root, which every walk passes, lie together.
class UnigramTrie::Builder {
 public:
  Builder(UnigramTrie& trie, std::span<const Token> tokens, std::span<const double> scores)
      : trie_(trie),
        tokens_(tokens),
        scores_(scores),
        block_size_(std::bit_ceil(static_cast<uint32_t>(trie.n_codes_))) {
    block_size_ = std::max(block_size_, kLeastBlock);
  }

  void build() {
    add_block();
    remove(free_, kRoot);
    remove(bases_, 0);  // of those that have no children
    std::vector<Range> level{{0, static_cast<uint32_t>(tokens_.size()), kRoot, 0}};
    while (!level.empty()) {
      std::vector<Range> next;
      for (const Range& range : level) place_children(range, next);
      level = std::move(next);
    }
  }

 private:
  // The sorted tokens [begin, end) share their first bytes, which lead to `node`.
  struct Range {
    uint32_t begin, end;
    Node node;
    uint32_t n_bytes;
  };
  struct Child {
    Code code;
    uint32_t begin;    // of its tokens
    uint32_t n_bytes;  // that they share
  };

  // In a place, where no token ends.
  static constexpr Place kNoScore = Place{1} << (kBaseShift - 1);

  void set_label(Node node, Code label) { trie_.places_[node] = kNoScore | label; }
  void set_token(Node node, int32_t id) {
    const Place rounded = static_cast<Place>(trie_.rounded_to(scores_[static_cast<size_t>(id)], kScoreShift));
    const Place score = rounded & ((Place{1} << kBaseShift) - 1);
    trie_.places_[node] = (trie_.places_[node] & ~kNoScore) | score;
    trie_.ids_[node] = id;
  }

  void place_children(Range range, std::vector<Range>& next) {
    if (range.begin < range.end && tokens_[range.begin].name.size() == range.n_bytes) {
      const int32_t id = tokens_[range.begin++].id;
      set_token(range.node, id);
    }
    children_.clear();
    for (uint32_t k = range.begin; k < range.end; ++k) {
      size_t pos = range.n_bytes;
      const Code code = trie_.next_code(tokens_[k].name, pos);
      if (children_.empty() || children_.back().code != code) {
        children_.push_back({code, k, static_cast<uint32_t>(pos)});
      }
    }
    if (children_.empty()) return;
    const uint32_t base = find_base(children_.size() == 1 ? for_one_ : for_several_);
    remove(bases_, base);
    trie_.places_[range.node] |= Place{base} << kBaseShift;
    for (size_t k = 0; k < children_.size(); ++k) {
      const Child& child = children_[k];
      remove(free_, base ^ child.code);
      set_label(base ^ child.code, child.code);
      const uint32_t end = k + 1 < children_.size() ? children_[k + 1].begin : range.end;
      next.push_back({child.begin, end, base ^ child.code, child.n_bytes});
    }
  }

  // Where the searches for nodes with one child, or with more, begin: before it there is no room.
  struct Search {
    size_t first = 0;
    std::vector<uint8_t> failures = {};  // per word of slots
  };

  // A base at which all of children_ find a free slot.  Searches begin where the one before did, so that the words that
  // are not searched any more are the first ones.
  uint32_t find_base(Search& search) {
    search.failures.resize(free_.size());
    while (search.first < free_.size() && search.failures[search.first] == kMaxFailures) ++search.first;
    size_t n_looks = kMaxLooks * (children_.size() + kMaxLooks);
    for (size_t word = search.first; word < free_.size(); ++word) {
      for (uint64_t slots = free_[word]; slots != 0; slots &= slots - 1) {
        const auto slot = static_cast<uint32_t>(word * 64 + static_cast<size_t>(std::countr_zero(slots)));
        const uint32_t base = slot ^ children_[0].code;
        const size_t n_fitting = has(bases_, base) ? count_fitting(base) : 0;
        if (n_fitting == children_.size()) return base;
        if (n_looks <= n_fitting) return add_block();
        n_looks -= n_fitting + 1;
      }
      ++search.failures[word];
    }
    return add_block();
  }

  // The children before the first that finds no free slot.
  size_t count_fitting(uint32_t base) const {
    const auto taken = std::find_if(children_.begin(), children_.end(),
                                    [&](const Child& child) { return !has(free_, base ^ child.code); });
    return static_cast<size_t>(taken - children_.begin());
  }

  static bool has(const std::vector<uint64_t>& slots, uint32_t slot) { return slots[slot / 64] >> slot % 64 & 1; }
  static void remove(std::vector<uint64_t>& slots, uint32_t slot) { slots[slot / 64] &= ~(uint64_t{1} << slot % 64); }

  // A new block, and a base there.
  uint32_t add_block() {
    const size_t begin = trie_.places_.size();
    const size_t end = begin + block_size_;
    if (end > kMaxPlaces) {
      throw Error(ErrorCode::unsupported,
                  "vocabulary: its tokens need more than 8 million nodes; take one with fewer or shorter tokens");
    }
    trie_.places_.resize(end, kNoScore | kFree);
    trie_.ids_.resize(end, -1);
    free_.resize(end / 64, ~uint64_t{0});
    bases_.resize(end / 64, ~uint64_t{0});
    return static_cast<uint32_t>(begin);
  }

  UnigramTrie& trie_;
  std::span<const Token> tokens_;
  std::span<const double> scores_;
  uint32_t block_size_;          // the children of a node share a block, for codes are smaller
  std::vector<uint64_t> free_;   // a bit per slot
  std::vector<uint64_t> bases_;  // a bit for each that no node has yet
  Search for_one_, for_several_;
  std::vector<Child> children_;  // of the node that is being placed
};

UnigramTrie::UnigramTrie(std::vector<Token> tokens, std::span<const double> scores, double largest_score)
    : scale_(scale_for(largest_score)), pages_(kCharacters / kPage), codes_(kPage) {
  tokens = sorted(std::move(tokens));
  make_codes(tokens);
  Builder(*this, tokens, scores).build();
}

void UnigramTrie::make_codes(std::span<const Token> tokens) {
  ZeroedVector<uint8_t> is_seen(kCharacters);
  std::vector<char32_t> characters;
  for (const Token& token : tokens) {
    for (size_t pos = 0; pos < token.name.size();) {
      const char32_t c = next_code_point(token.name, pos);
      if (std::exchange(is_seen[c], uint8_t{1}) == 0) characters.push_back(c);
    }
  }
  std::sort(characters.begin(), characters.end());
  n_codes_ = ascii_codes_.size();
  if (characters.size() >= kFree - n_codes_) {
    throw Error(ErrorCode::unsupported,
                "vocabulary: its tokens have more than a million different characters; take one with fewer");
  }
  for (const char32_t c : characters) {
    uint16_t& page = pages_[c / kPage];
    if (page == 0) {
      page = static_cast<uint16_t>(codes_.size() / kPage);
      codes_.resize(codes_.size() + kPage);
    }
    const bool is_own = c != kNoCode && c < ascii_codes_.size();
    codes_[size_t{page} * kPage + c % kPage] = is_own ? static_cast<Code>(c) : static_cast<Code>(n_codes_++);
  }
  for (char32_t c = 0; c < ascii_codes_.size(); ++c) ascii_codes_[c] = code(c);
}

int64_t UnigramTrie::rounded_to(double score, int shift) const {
  return scale_ > 0 ? std::lround(score * scale_) * (int64_t{1} << shift) : 0;
}

int32_t UnigramTrie::find(std::string_view name) const {
  if (!is_utf8(name)) return -1;
  Node node = kRoot;
  for (size_t pos = 0; pos < name.size();) {
    if (!step(node, next_code(name, pos))) return -1;
  }
  return id(node);
}

}  // namespace tidemill
