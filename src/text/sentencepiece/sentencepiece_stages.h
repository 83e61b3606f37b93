// The stages of a tokenizer that a SentencePiece vocabulary asks for.
#pragma once

#include <memory>
#include <string>

#include "text/normalizer.h"
#include "text/pieces/piece_model.h"
#include "text/sentencepiece/sentencepiece_proto.h"

namespace tidemill {

// Both hold copies and name `source`, a file, or the field `where` in messages; they throw bad_file for what cannot be
// made: a malformed character map, and what make_bpe and make_unigram refuse.
std::unique_ptr<const PieceModel> make_sentencepiece_pieces(const SentencePieceProto& proto, const std::string& source);
std::unique_ptr<const Normalizer> make_text_normalizer(const SentencePieceProto& proto, const std::string& where);

// Of decoded text; null: none.
std::unique_ptr<const Normalizer> make_text_denormalizer(const SentencePieceProto& proto, const std::string& where);

}  // namespace tidemill
