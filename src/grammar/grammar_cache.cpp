#include "grammar/grammar_cache.h"

#include <algorithm>

#include "grammar/gbnf.h"
#include "grammar/json_schema.h"
#include "grammar/token_grammar.h"

namespace tidemill::grammar {
namespace {

constexpr size_t kMaxEntries = 64;
constexpr size_t kMaxBytes = size_t{64} << 20;

Program compile_source(const GrammarSource& source) {
  Rules rules;
  const bool is_schema = source.kind == GrammarSource::Kind::json_schema;
  const RuleId root = is_schema ? read_json_schema(source.text, rules) : read_gbnf(source.text, rules);
  return compile(rules, root);
}

}  // namespace

std::shared_ptr<const Vocabulary> GrammarCache::vocabulary_of(const Tokenizer& tokenizer) {
  const std::lock_guard lock(vocabulary_mutex_);
  if (!vocabulary_) vocabulary_ = std::make_shared<const Vocabulary>(tokenizer);
  return vocabulary_;
}

Grammar GrammarCache::compile(const GrammarSource& source, const Tokenizer& tokenizer) {
  {
    const std::lock_guard lock(mutex_);
    const auto known =
        std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.first == source; });
    if (known != entries_.end()) {
      entries_.splice(entries_.begin(), entries_, known);
      return known->second;
    }
  }
  Program program = compile_source(source);  // before the vocabulary: a bad grammar costs little
  Grammar grammar(std::make_shared<Grammar::Impl>(std::move(program), vocabulary_of(tokenizer)));
  const std::lock_guard lock(mutex_);
  entries_.emplace_front(source, grammar);
  drop_old();
  return grammar;
}

void GrammarCache::drop_old() {
  size_t n_bytes = 0, n_kept = 0;
  const auto fits = [&](const Entry& entry) {
    n_bytes += entry.first.text.size() + entry.second.impl()->size_bytes();
    return n_kept++ == 0 || (n_kept <= kMaxEntries && n_bytes <= kMaxBytes);
  };
  entries_.erase(std::find_if_not(entries_.begin(), entries_.end(), fits), entries_.end());
}

}  // namespace tidemill::grammar
