// BPE of vocabularies with unused pieces: merging goes through them, and those that are left fall back into the parts
// that they were last seen to be made of, anywhere in the text.
//
// Most can be made in one way only, and then words do not depend on what came before: raw texts take the quick way, and
// those that are left over in it are split afterwards.  A text with another one goes through the stages.
#pragma once

#include <memory>

#include "text/pieces/piece_model.h"
#include "text/sentencepiece/sentencepiece_proto.h"

namespace tidemill {

// `merging`: BPE that takes unused pieces for normal ones; `exact`: for any text.  Both have the ids of `proto`.
std::unique_ptr<const PieceModel> make_bpe_with_unused(const SentencePieceProto& proto,
                                                       std::unique_ptr<const PieceModel> merging,
                                                       std::unique_ptr<const PieceModel> exact);

}  // namespace tidemill
