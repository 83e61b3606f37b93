// TokenGrammar: a compiled grammar over the tokens of one vocabulary, with what was computed for it so far.
// TokenState: where one text stands in it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "grammar/automaton.h"
#include "grammar/text_freedom.h"
#include "grammar/token_mask.h"
#include "grammar/vocabulary.h"
#include "tidemill/cache.h"
#include "tidemill/grammar.h"

namespace tidemill::grammar {

// A value; copies are cheap where texts are short.  Belongs to the grammar that made it.
class TokenState {
 private:
  friend class TokenGrammar;
  std::string text_;     // so far: states are forgotten when there are too many, and then found again by it
  uint64_t period_ = 0;  // of the automaton's states in which state_ counts
  Automaton::State state_ = Automaton::kDead;
};

// Any number of threads may use it at once; they take turns.
class TokenGrammar {
 public:
  // Throws what Automaton does.
  TokenGrammar(Program program, std::shared_ptr<const Vocabulary> vocabulary);

  TokenState start() const { return {}; }
  // The tokens that may follow.  Throws GrammarError for a grammar that turns out to be too ambiguous.
  std::shared_ptr<const TokenMask> mask(TokenState& state);
  // Whether `id`, which ends no text, may follow; takes next to nothing.
  bool allows(TokenState& state, int32_t id);
  // Goes on by a token.  Throws invalid_argument for one that is not allowed.
  void accept(TokenState& state, int32_t id);
  // Whether the text may end here, and whether it must.
  bool may_end(TokenState& state);
  bool must_end(TokenState& state);

  const Vocabulary& vocabulary() const { return *vocabulary_; }
  // Memory of what has been computed.
  size_t size_bytes() const;

 private:
  void find(TokenState& state);
  Automaton::State follow(Automaton::State from, std::string_view bytes);
  void forget();

  std::shared_ptr<const Vocabulary> vocabulary_;
  mutable std::mutex mutex_;  // guards what follows
  Automaton automaton_;
  TextFreedom freedom_;
  uint64_t period_ = 1;
  static constexpr size_t kMaxMaskBytes = size_t{16} << 20;
  Cache<Automaton::State, std::shared_ptr<const TokenMask>> masks_{{.capacity = 0, .capacity_bytes = kMaxMaskBytes}};
};

}  // namespace tidemill::grammar

namespace tidemill {

class Grammar::Impl final : public grammar::TokenGrammar {
 public:
  using TokenGrammar::TokenGrammar;
};

}  // namespace tidemill
