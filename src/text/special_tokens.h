// Splits a text at the spellings of special and user-defined tokens, before any merging.
//
// The rule of SentencePiece's prefix matcher and of Hugging Face's added tokens: leftmost match, and of several that
// start at one place the longest.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/pieces/byte_set.h"

namespace tidemill {

class SpecialTokens {
 public:
  struct Entry {
    std::string spelling;  // not empty
    int32_t id;
  };
  struct Match {
    size_t begin, end;  // bytes of the text
    int32_t id;
  };

  SpecialTokens() = default;
  // One spelling may be given twice only with the same id.
  explicit SpecialTokens(std::vector<Entry> entries);

  // The first match that starts at `from` or later.  Time is linear in the text, times the length of the longest
  // spelling where spellings abound.
  std::optional<Match> find(std::string_view text, size_t from) const;

 private:
  struct Range {
    uint32_t begin = 0, end = 0;
  };

  std::optional<Match> match_at(std::string_view text, size_t pos) const;

  ByteSet first_bytes_;
  std::vector<Entry> entries_;            // sorted by spelling: a trie read sideways
  std::array<Range, 256> by_first_byte_;  // where in entries_ the spellings with that first byte lie
};

}  // namespace tidemill
