// From what a vocabulary file says to the pairs that merge.
#pragma once

#include <string>
#include <vector>

#include "text/bpe/bpe.h"
#include "text/bpe/bpe_pairs.h"
#include "text/pieces/token_table.h"

namespace tidemill {

// Throws bad_file for what make_bpe refuses before it looks at single merges.
void check_bpe_vocab(const BpeVocab& vocab, const std::string& source);

// Per id, of a checked vocabulary whose order is that of ids or scores: the lowest is merged first, and
// BpeConcatenations::kNeverMerged is not.
std::vector<uint32_t> concatenation_ranks(const BpeVocab& vocab);

// Of a checked vocabulary; the indices are those of its names and of its texts.
std::vector<BpePairs::Rule> bpe_rules(const BpeVocab& vocab, const TokenIndex& names, const TokenIndex& texts,
                                      const std::string& source);

}  // namespace tidemill
