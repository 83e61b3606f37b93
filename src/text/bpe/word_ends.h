// Whether a text may be encoded in parts that are cut where words end.
#pragma once

#include "text/tokenizer_description.h"

namespace tidemill {

// True when the tokens of a text are those of its two parts, one after the other, for any cut between a letter or digit
// of ASCII and a space; see Tokenizer::splits_at_word_ends.  Added tokens are not looked at.
bool splits_at_word_ends(const TokenizerDescription& description);

}  // namespace tidemill
