// Which tokens their own bytes become: then a piece that spells such a token is that token, and nothing has to be
// merged to know.
//
// A token made of a and b is one of them if a and b are, if all merges inside them come before that of (a, b), and if
// no merge across the border comes in between.  The last is seen by going back in time: at each moment the border lies
// between a token of the right edge of a's tree of merges and one of the left edge of b's.  This is the test for
// compatible tokens of github/rust-gems crates/bpe, for ranks that need not be ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "text/bpe/bpe_pairs.h"

namespace tidemill {

// Per id whether that was proven; for vocabularies whose pieces begin as the tokens `symbols`.  A few look-ups per
// rule. `pairs` are those of `rules` and have no ties.
std::vector<bool> find_whole_tokens(size_t vocab_size, std::span<const uint32_t> symbols,
                                    std::span<const BpePairs::Rule> rules, const BpePairs& pairs);

}  // namespace tidemill
