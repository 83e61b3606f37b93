// SentencePiece's simplest models: one token per character or per word.
//
// They take the text as the normalizer left it.  What no piece matches is the unknown token, which neighbours share, or
// its bytes' tokens with byte fallback.
#pragma once

#include <memory>
#include <string>

#include "text/pieces/piece_model.h"
#include "text/sentencepiece/sentencepiece_proto.h"

namespace tidemill {

// The model that `proto` asks for, characters or words.  Holds copies.  `source` names the file in messages.  Throws
// bad_file for byte pieces that name no byte.
std::unique_ptr<const PieceModel> make_sentencepiece_units(const SentencePieceProto& proto, const std::string& source);

}  // namespace tidemill
