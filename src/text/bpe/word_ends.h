// Whether a text may be encoded in parts that are cut where words end.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "text/text_cuts.h"
#include "text/tokenizer_description.h"

namespace tidemill {

// The places at which a text may be cut, so that its tokens are those of its two parts, one after the other.  Added
// tokens are not looked at.
TextCuts find_text_cuts(const TokenizerDescription& description);

// A vocabulary as a text in which a line break stands before and after each name.
template <typename Tokens, typename NameOf>
std::string token_lines(const Tokens& tokens, NameOf&& name_of) {
  size_t n_bytes = 1;
  for (const auto& token : tokens) n_bytes += name_of(token).size() + 1;
  std::string lines(n_bytes, '\n');
  char* out = lines.data() + 1;
  for (const auto& token : tokens) {
    const std::string_view name = name_of(token);
    out = std::copy(name.begin(), name.end(), out) + 1;
  }
  return lines;
}
// True when none of the tokens in such a text, in which spaces are U+2581, has the end of a word inside, so that no
// merge goes across one.
bool no_token_spans_word_end(std::string_view lines);

}  // namespace tidemill
