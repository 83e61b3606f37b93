// Guide: holds a text to a grammar.  Knows which tokens may follow, and has the sampler choose among them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "grammar/token_grammar.h"
#include "runtime/sampler.h"

namespace tidemill {

class Guide {
 public:
  // With `ends` false no token ends the text before it must end.
  Guide(const Grammar& grammar, bool ends);

  // The next token.  Throws GrammarError for a grammar that turns out to be too ambiguous, and internal when the
  // vocabulary has nothing that fits.
  int32_t choose(Sampler& sampler, std::span<const float> logits);
  // Goes on by a token that `choose` gave and that ends nothing.
  void accept(int32_t id);
  // Whether nothing may follow.
  bool must_end();

 private:
  bool is_allowed(int32_t id);

  Grammar grammar_;
  bool ends_;
  grammar::TokenState state_;
  std::vector<float> masked_;
};

}  // namespace tidemill
