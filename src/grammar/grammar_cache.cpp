#include "grammar/grammar_cache.h"

#include "grammar/gbnf.h"
#include "grammar/json_schema.h"
#include "grammar/token_grammar.h"

namespace tidemill::grammar {
namespace {

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
  bool is_new = false;
  Grammar found = grammars_.get_or_compute(source, [&] {
    is_new = true;
    Program program = compile_source(source);  // before the vocabulary: a bad grammar costs little
    return Grammar(std::make_shared<Grammar::Impl>(std::move(program), vocabulary_of(tokenizer)));
  });
  // Grammars grow as texts are written by them: their sizes count when there is one more.
  if (is_new)
    grammars_.weigh_again([](const GrammarSource& known, const Grammar& grammar) {
      return known.text.size() + grammar.impl()->size_bytes();
    });
  return found;
}

}  // namespace tidemill::grammar
