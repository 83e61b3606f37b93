// One token per word: a look-up, with an unknown token for all other words (WordLevel of Hugging Face's tokenizers).
#pragma once

#include <memory>
#include <string>

#include "text/pieces/piece_model.h"

namespace tidemill {

// `tokens`: UTF-8, by id; copied; an empty one is a hole, and of equal ones the last counts.  Without the unknown token
// the model loads, and encoding a word that needs it throws invalid_argument.
std::unique_ptr<PieceModel> make_word_level(std::span<const std::string_view> tokens, const std::string& unknown_token);

}  // namespace tidemill
