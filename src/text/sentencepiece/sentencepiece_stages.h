// The stages of a tokenizer that a SentencePiece vocabulary asks for.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "text/normalizer.h"
#include "text/pieces/piece_model.h"
#include "text/pieces/token_table.h"
#include "text/raw_text.h"
#include "text/sentencepiece/sentencepiece_proto.h"
#include "text/text_cuts.h"

namespace tidemill {

// How a model can read raw texts of which nothing was taken out but what the file does not name; nothing where they
// have to be normalized in other ways.
std::optional<RawText> raw_text_of(const SentencePieceProto& proto);

// Both hold copies and name `source`, a file, or the field `where` in messages; they throw bad_file for what cannot be
// made: a malformed character map, and what make_bpe and make_unigram refuse.
// `names`: those of the pieces.  `raw`: as raw_text_of, or with other wholes; may be null.
std::unique_ptr<const PieceModel> make_sentencepiece_pieces(const SentencePieceProto& proto,
                                                            std::shared_ptr<const TokenStrings> names,
                                                            const RawText* raw, const std::string& source);
std::unique_ptr<const Normalizer> make_text_normalizer(const SentencePieceProto& proto, const std::string& where);

// Of decoded text; null: none.
std::unique_ptr<const Normalizer> make_text_denormalizer(const SentencePieceProto& proto, const std::string& where);

// Where a text may be cut, as far as these stages go.  `names`: those of the pieces.
TextCuts find_text_cuts(const SentencePieceProto& proto, const TokenStrings& names);

}  // namespace tidemill
