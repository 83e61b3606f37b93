// The normalizer of SentencePiece's .model files: character map, white space, user-defined symbols.
//
//   Kudo and Richardson 2018, arXiv:1808.06226; behaviour of sentencepiece 0.2.3, src/normalizer.cc.
//
// From left to right the longest user-defined symbol is kept, else the longest text with a rule is replaced, else a
// character is kept.  Then the rules for white space are applied to what came out.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "text/normalizer.h"
#include "text/sentencepiece/charsmap.h"

namespace tidemill {

struct WhitespaceRules {
  bool add_dummy_prefix = true;          // a space is put before the text, or after it with `as_suffix`
  bool remove_extra_whitespaces = true;  // none at both ends, and one where there are several
  bool escape_whitespaces = true;        // spaces become U+2581
  bool as_suffix = false;                // of words; treat_whitespace_as_suffix
};

std::unique_ptr<const Normalizer> make_sentencepiece_normalizer(Charsmap map, const WhitespaceRules& rules,
                                                                std::span<const std::string_view> user_defined);

}  // namespace tidemill
