#include "grammar/vocabulary.h"

#include <algorithm>
#include <string>

#include "text/unicode/utf8.h"

namespace tidemill::grammar {
namespace {

// Longer tokens are left out: they are separator lines, if anything.  A trie counts in bytes.
constexpr size_t kMaxTokenBytes = 256;
// Lists by length take a bit a token each; the few tokens that are longer are walked.
constexpr size_t kMaxListedCharacters = 32;

size_t common_prefix(std::string_view a, std::string_view b) {
  return static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

// `ids` are sorted by their bytes.
TokenTrie make_trie(const Vocabulary& vocabulary, std::vector<int32_t> ids) {
  TokenTrie trie;
  std::vector<size_t> path;  // nodes from the root to the last one
  std::string_view last;
  const auto close = [&](size_t depth) {
    for (; path.size() > depth; path.pop_back())
      trie.nodes[path.back()].after = static_cast<uint32_t>(trie.nodes.size());
  };
  for (size_t index = 0; index < ids.size(); ++index) {
    const std::string_view bytes = vocabulary.bytes(ids[index]);
    close(common_prefix(last, bytes));
    while (path.size() < bytes.size()) {
      const size_t depth = path.size();
      path.push_back(trie.nodes.size());
      trie.nodes.push_back({.after = 0,
                            .first_id = static_cast<uint32_t>(index),
                            .n_ids = 0,
                            .above = static_cast<uint8_t>(depth),
                            .byte = static_cast<uint8_t>(bytes[depth])});
    }
    TokenTrie::Node& node = trie.nodes[path.back()];
    if (node.n_ids < UINT16_MAX) ++node.n_ids;
    last = bytes;
  }
  close(0);
  trie.ids = std::move(ids);
  return trie;
}

void set_bit(TokenBits& bits, int32_t id) {
  bits[static_cast<size_t>(id) / 64] |= uint64_t{1} << (id % 64);
}

size_t n_characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

}  // namespace

bool is_plain_text(std::string_view bytes) {
  return is_utf8(bytes) && std::none_of(bytes.begin(), bytes.end(), [](char byte) {
           const auto value = static_cast<uint8_t>(byte);
           return value < 0x20 || value == '"' || value == '\\' || value == 0x7F;
         });
}

Vocabulary::Vocabulary(const Tokenizer& tokenizer) : size_(static_cast<size_t>(tokenizer.vocab_size())) {
  const auto stops = tokenizer.stop_ids();
  stop_ids_.assign(stops.begin(), stops.end());
  std::vector<int32_t> text, others;
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    offsets_.push_back(static_cast<uint32_t>(pool_.size()));
    const bool is_stop = std::find(stop_ids_.begin(), stop_ids_.end(), id) != stop_ids_.end();
    if (is_stop || tokenizer.is_special(id)) continue;
    const std::string_view bytes = tokenizer.token_bytes(id);
    if (bytes.empty() || bytes.size() > kMaxTokenBytes) continue;
    pool_ += bytes;
    max_bytes_ = std::max(max_bytes_, bytes.size());
    const bool is_listed = is_plain_text(bytes) && n_characters(bytes) <= kMaxListedCharacters;
    (is_listed ? text : others).push_back(id);
  }
  offsets_.push_back(static_cast<uint32_t>(pool_.size()));
  for (std::vector<int32_t>* ids : {&text, &others})
    std::sort(ids->begin(), ids->end(), [&](int32_t a, int32_t b) { return bytes(a) < bytes(b); });
  by_length_.assign(1, TokenBits((size_ + 63) / 64));
  std::vector<std::vector<int32_t>> ids_by_length;
  for (const int32_t id : text) {
    const size_t n = n_characters(bytes(id));
    if (ids_by_length.size() <= n) ids_by_length.resize(n + 1);
    ids_by_length[n].push_back(id);
  }
  for (size_t n = 1; n < ids_by_length.size(); ++n) {
    by_length_.push_back(by_length_.back());
    for (const int32_t id : ids_by_length[n]) set_bit(by_length_.back(), id);
  }
  text_ = make_trie(*this, std::move(text));
  others_ = make_trie(*this, std::move(others));
}

std::string_view Vocabulary::bytes(int32_t id) const {
  if (id < 0 || static_cast<size_t>(id) >= size_) return {};
  const auto at = static_cast<size_t>(id);
  return std::string_view(pool_).substr(offsets_[at], offsets_[at + 1] - offsets_[at]);
}

size_t Vocabulary::size_bytes() const {
  const auto of_trie = [](const TokenTrie& trie) {
    return trie.nodes.size() * sizeof(TokenTrie::Node) + trie.ids.size() * sizeof(int32_t);
  };
  return pool_.size() + offsets_.size() * sizeof(uint32_t) + of_trie(text_) + of_trie(others_) +
         by_length_.size() * by_length_.front().size() * sizeof(uint64_t);
}

}  // namespace tidemill::grammar
