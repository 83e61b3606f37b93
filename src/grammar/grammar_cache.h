// GrammarCache: compiled grammars of one tokenizer, so that requests with the same one share what is computed for it.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <utility>

#include "grammar/vocabulary.h"
#include "tidemill/grammar.h"
#include "tidemill/tokenizer.h"

namespace tidemill::grammar {

// Any number of threads may use it at once.
class GrammarCache {
 public:
  // Throws GrammarError.  The first call takes some 100 ms for a large vocabulary, which `tokenizer` is each time.
  Grammar compile(const GrammarSource& source, const Tokenizer& tokenizer);

 private:
  using Entry = std::pair<GrammarSource, Grammar>;

  std::shared_ptr<const Vocabulary> vocabulary_of(const Tokenizer& tokenizer);
  void drop_old();

  std::mutex vocabulary_mutex_, mutex_;
  std::shared_ptr<const Vocabulary> vocabulary_;
  std::list<Entry> entries_;  // the last used first
};

}  // namespace tidemill::grammar
