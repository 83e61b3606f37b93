// User-defined pieces of a SentencePiece vocabulary: they are found in a text before any other piece, leftmost first,
// and of several at one place the longest.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/pieces/byte_trie.h"
#include "text/pieces/piece_model.h"
#include "text/sentencepiece/sentencepiece_proto.h"

namespace tidemill {

struct UserDefinedSymbol {
  std::string text;  // as it is found in a normalized text; not empty
  int32_t id;
};
std::vector<UserDefinedSymbol> user_defined_symbols(const SentencePieceProto& proto);

// Holds copies.
class UserDefinedSymbols {
 public:
  explicit UserDefinedSymbols(const std::vector<UserDefinedSymbol>& symbols);

  bool empty() const { return !any_; }
  // The one that begins at text[pos], within `end`; value -1: none.
  ByteTrie::Match at(std::string_view text, uint32_t pos, uint32_t end) const {
    return trie_.longest(text, ByteTrie::kRoot, pos, end);
  }

  // Calls on_text(begin, end) for what lies between symbols and on_symbol(id, begin, end) for each, front to back.
  template <typename OnText, typename OnSymbol>
  void split(std::string_view text, ByteRange range, OnText&& on_text, OnSymbol&& on_symbol) const {
    uint32_t begin = range.begin;  // of what was not given out yet
    for (uint32_t pos = next_candidate(text, begin, range.end); pos < range.end;) {
      const ByteTrie::Match match = at(text, pos, range.end);
      if (match.value >= 0) {
        if (begin < pos) on_text(begin, pos);
        on_symbol(match.value, pos, match.end);
        begin = match.end;
      }
      pos = next_candidate(text, match.value >= 0 ? match.end : pos + 1, range.end);
    }
    if (begin < range.end) on_text(begin, range.end);
  }

 private:
  // Where a symbol may begin from `pos` on; `end` or more: nowhere.
  uint32_t next_candidate(std::string_view text, uint32_t pos, uint32_t end) const;

  ByteTrie trie_;
  bool any_ = false;
  std::array<bool, 256> may_begin_{};  // by byte
};

}  // namespace tidemill
