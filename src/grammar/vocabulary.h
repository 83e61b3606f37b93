// Vocabulary: the tokens of a tokenizer as tries of bytes, to find those that an automaton accepts.
//
// Tokens that are at most 32 characters of plain text (no control characters, no '"' and no '\', which JSON strings
// treat otherwise) are most of any vocabulary.  They have a trie of their own and lists by their length, so that where
// such text is free, as in a string, nothing needs to be walked but the few others.  (llguidance calls that slices.)
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tidemill/tokenizer.h"

namespace tidemill::grammar {

// Bits by token id.
using TokenBits = std::vector<uint64_t>;

// A trie in preorder: a node is followed by its descendants.
struct TokenTrie {
  struct Node {
    uint32_t after;     // the index of the node that follows all descendants
    uint32_t first_id;  // index in `ids` of its own tokens
    uint16_t n_ids;     // tokens that end here
    uint8_t above;      // bytes before this one
    uint8_t byte;
  };
  std::vector<Node> nodes;
  std::vector<int32_t> ids;
};

// Immutable; any number of threads may use it at once.
class Vocabulary {
 public:
  explicit Vocabulary(const Tokenizer& tokenizer);

  size_t size() const { return size_; }
  // Bytes of the longest token.
  size_t max_bytes() const { return max_bytes_; }
  // Bytes of a token; empty for one that is never part of a text, such as a special token.
  std::string_view bytes(int32_t id) const;
  std::span<const int32_t> stop_ids() const { return stop_ids_; }

  const TokenTrie& text() const { return text_; }
  const TokenTrie& others() const { return others_; }
  // The tokens of `text()` with at most `n` characters; from max_characters() on all of them.
  const TokenBits& text_of_at_most(size_t n) const { return by_length_[std::min(n, max_characters())]; }
  size_t max_characters() const { return by_length_.size() - 1; }

  size_t size_bytes() const;

 private:
  size_t size_ = 0, max_bytes_ = 0;
  std::string pool_;               // bytes of all tokens
  std::vector<uint32_t> offsets_;  // in pool_, by id, and the end
  std::vector<int32_t> stop_ids_;
  TokenTrie text_, others_;
  std::vector<TokenBits> by_length_;
};

// True for bytes that are whole characters of text, none of them a control character, '"' or '\'.
bool is_plain_text(std::string_view bytes);

}  // namespace tidemill::grammar
