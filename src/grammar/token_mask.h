// TokenMask: which tokens may come next.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "grammar/automaton.h"
#include "grammar/text_freedom.h"
#include "grammar/vocabulary.h"

namespace tidemill::grammar {

// Refers to the vocabulary that it was made for.
class TokenMask {
 public:
  TokenMask(const TokenBits* shared, std::vector<int32_t> ids, bool may_end, const Vocabulary& vocabulary);

  bool allows(int32_t id) const;
  // Whether the text may end here, by a token that says so.
  bool may_end() const { return may_end_; }
  // Copies the scores [vocab_size] of tokens that are allowed; the others become minus infinity.  The tokens that end
  // a text count as allowed when it may end and `ends` is true.
  void apply(std::span<const float> scores, bool ends, std::vector<float>& masked) const;
  size_t size_bytes() const { return sizeof(*this) + own_.size() * sizeof(uint64_t) + ids_.size() * sizeof(int32_t); }

 private:
  const Vocabulary* vocabulary_;
  const TokenBits* shared_;   // of the vocabulary; may be null
  TokenBits own_;             // besides, when they are many
  std::vector<int32_t> ids_;  // or these, ascending
  bool may_end_;
};

// Throws what Automaton::next does.
TokenMask find_mask(Automaton& automaton, TextFreedom& freedom, Automaton::State state, const Vocabulary& vocabulary);

}  // namespace tidemill::grammar
