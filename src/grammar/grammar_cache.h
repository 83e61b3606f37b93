// GrammarCache: compiled grammars of one tokenizer, so that requests with the same one share what is computed for it.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "grammar/vocabulary.h"
#include "tidemill/cache.h"
#include "tidemill/grammar.h"
#include "tidemill/tokenizer.h"

namespace tidemill::grammar {

// Any number of threads may use it at once.
class GrammarCache {
 public:
  // Throws GrammarError.  The first call takes some 100 ms for a large vocabulary, which `tokenizer` is each time.
  // Requests that ask for one grammar at the same time wait for one compilation.
  Grammar compile(const GrammarSource& source, const Tokenizer& tokenizer);

 private:
  struct SourceHash {
    size_t operator()(const GrammarSource& source) const {
      return std::hash<std::string>()(source.text) + static_cast<size_t>(source.kind);
    }
  };
  std::shared_ptr<const Vocabulary> vocabulary_of(const Tokenizer& tokenizer);

  std::mutex vocabulary_mutex_;
  std::shared_ptr<const Vocabulary> vocabulary_;
  Cache<GrammarSource, Grammar, SourceHash> grammars_{{.capacity = 64, .capacity_bytes = size_t{64} << 20}};
};

}  // namespace tidemill::grammar
