// SentencePiece's BPE: pieces are merged by score, and user-defined pieces stand between what is merged.
#pragma once

#include <memory>
#include <string>

#include "text/pieces/piece_model.h"
#include "text/pieces/token_table.h"
#include "text/raw_text.h"
#include "text/sentencepiece/sentencepiece_proto.h"

namespace tidemill {

// Takes texts as the normalizer left them.  A character that no piece matches is the unknown token, which neighbours
// share, or its bytes' tokens where the vocabulary has them all.  Holds copies.  `source` names the file in messages.
// Throws bad_file where make_bpe does, and when a byte has neither a token nor the unknown one.
// `names`: those of the pieces, kept.  `raw`: how raw texts can be read; null: not at all.
std::unique_ptr<const PieceModel> make_sentencepiece_bpe(const SentencePieceProto& proto,
                                                         std::shared_ptr<const TokenStrings> names, const RawText* raw,
                                                         const std::string& source);

}  // namespace tidemill
