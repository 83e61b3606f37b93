// Where tokens that spell spaces as U+2581 have them.
#pragma once

#include "text/pieces/token_table.h"

namespace tidemill {

// True when a space is a token, and none has one behind a letter or digit of ASCII, so that no merge goes across the
// end of a word.
bool no_token_spans_word_end(const TokenStrings& tokens);

}  // namespace tidemill
