// Whether a text may be encoded in parts that are cut where words end.
#pragma once

#include "text/text_cuts.h"
#include "text/tokenizer_description.h"

namespace tidemill {

// The places at which a text may be cut, so that its tokens are those of its two parts, one after the other.  Added
// tokens are not looked at.
TextCuts find_text_cuts(const TokenizerDescription& description);

}  // namespace tidemill
