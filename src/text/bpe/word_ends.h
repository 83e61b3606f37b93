// Whether a text may be encoded in parts that are cut where words end.
#pragma once

#include <span>
#include <string_view>

#include "text/tokenizer_description.h"

namespace tidemill {

// True when the tokens of a text are those of its two parts, one after the other, for any cut between a letter or digit
// of ASCII and a space; see Tokenizer::splits_at_word_ends.  Added tokens are not looked at.
bool splits_at_word_ends(const TokenizerDescription& description);

// True when no token of a vocabulary in which spaces are U+2581 has the end of a word inside, so that no merge goes
// across one.
bool no_token_spans_word_end(std::span<const std::string_view> names);

}  // namespace tidemill
