// Whether a tokenizer's stages before the model are those of SentencePiece's kind.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "text/added_tokens.h"
#include "text/raw_text.h"
#include "text/tokenizer_description.h"

namespace tidemill {

// How the model can read raw texts.  Marks those of the description's added tokens that the model is to find
// (AddedToken::whole).  Nothing where texts have to go through the stages.
std::optional<RawText> take_raw_text(TokenizerDescription& description);

// Marks and returns those of `tokens`, found in original texts, that a model may find by itself: which are no special
// ones, while no other is found differently for that.
std::vector<RawText::Whole> take_wholes(std::span<AddedToken> tokens);

}  // namespace tidemill
