// WordPiece: BERT's subwords, by greedy longest match from the left of each word.
//
//   Schuster and Nakajima 2012, "Japanese and Korean voice search"; Devlin et al. 2019, arXiv:1810.04805.
//
// Rules, as Hugging Face's tokenizers have them: a token that continues a word is spelled with a prefix ("##ing"); a
// word with a part that no token matches is one unknown token, and so is a word of too many characters.
#pragma once

#include <memory>
#include <string>

#include "text/pieces/piece_model.h"

namespace tidemill {

struct WordPieceOptions {
  std::string unknown_token = "[UNK]";
  std::string continuing_prefix = "##";
  size_t max_chars_per_word = 100;
};

// `tokens`: UTF-8, by id; copied; an empty one is a hole, and of equal ones the last counts.  Without the unknown token
// the model loads, and encoding a word that needs it throws invalid_argument.  Time is linear in a word of up to
// `max_chars_per_word`, times the length of the longest token where tokens almost match.
std::unique_ptr<PieceModel> make_wordpiece(std::span<const std::string_view> tokens, const WordPieceOptions& options);

}  // namespace tidemill
