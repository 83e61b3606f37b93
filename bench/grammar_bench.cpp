// What constrained decoding costs: masks along a text, cold (a grammar's first text) and warm.
//
//   grammar_bench TOKENIZER   (a model or tokenizer file; prints milliseconds)

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "grammar/grammar_cache.h"
#include "grammar/token_grammar.h"
#include "tidemill/stopwatch.h"
#include "tidemill/tokenizer.h"

namespace tidemill {
namespace {

struct Case {
  const char* name;
  GrammarSource source;
  std::string text;  // what is generated
};

std::vector<Case> cases() {
  const auto source = [](GrammarSource::Kind kind, const char* text) {
    GrammarSource made;
    made.kind = kind;
    made.text = text;
    return made;
  };
  const auto schema = [&](const char* text) { return source(GrammarSource::Kind::json_schema, text); };
  std::string long_text = "{\"story\": \"";
  for (int k = 0; k < 60; ++k) long_text += "The tide mill stood where the river met the sea. ";
  return {
      {"json_object", schema(R"({"type": "object"})"),
       R"({"name": "The tide mill", "built": 1782, "wheels": [{"width": 2.5, "kind": "breast"}], "open": true})"},
      {"schema",
       schema(R"({"type": "object", "properties": {"name": {"type": "string", "maxLength": 60}, "year": {"type":
              "integer", "minimum": 1000, "maximum": 2100}, "code": {"pattern": "^[A-Z]{2}-\\d{4}$"}, "tags": {"type":
              "array", "items": {"type": "string", "minLength": 2, "maxLength": 20}}}, "required": ["name", "year"]})"),
       R"({"name": "The tide mill at the river's mouth", "year": 1782, "code": "TM-0012", "tags": ["water", "sea wall"]})"},
      {"long string", schema(R"({"properties": {"story": {"type": "string", "maxLength": 10000}}})"), long_text},
      {"gbnf list", source(GrammarSource::Kind::gbnf, "root ::= (\"- \" [^\\n]+ \"\\n\")+"),
       "- the first thing\n- another thing, with \"quotes\"\n- and a third one\n"},
      {"identifier", schema(R"({"type": "string", "pattern": "^[a-zA-Z_][a-zA-Z0-9_]{0,62}$"})"),
       "\"someRatherLongIdentifierOfAProgram_42\""},
  };
}

struct Times {
  double mean = 0, worst = 0;
};

Times times_of(std::vector<double> times) {
  double sum = 0;
  for (const double time : times) sum += time;
  return {sum / static_cast<double>(times.size()), *std::max_element(times.begin(), times.end())};
}

// The mask of each token, made into scores, and the step to the next.
Times follow(Grammar::Impl& grammar, const std::vector<int32_t>& ids, const std::vector<float>& scores) {
  std::vector<double> times;
  std::vector<float> masked(scores.size());
  grammar::TokenState state = grammar.start();
  for (const int32_t id : ids) {
    const Stopwatch watch;
    grammar.mask(state)->apply(scores, true, masked);
    grammar.accept(state, id);
    times.push_back(watch.milliseconds());
  }
  return times_of(times);
}

int run(const char* path) {
  const auto tokenizer = Tokenizer::from_file(path);
  grammar::GrammarCache cache;
  const std::vector<float> scores(static_cast<size_t>(tokenizer->vocab_size()), 1.0f);
  const Stopwatch vocabulary;
  cache.compile({GrammarSource::Kind::gbnf, "root ::= \"a\""}, *tokenizer);
  std::printf("vocabulary of %d tokens: %.0f ms, once\n", tokenizer->vocab_size(), vocabulary.milliseconds());
  std::printf("%-12s %6s %10s %10s %10s %10s %10s\n", "grammar", "tokens", "compile", "cold mean", "cold worst",
              "warm mean", "warm worst");
  for (const Case& one : cases()) {
    const Stopwatch compile;
    const Grammar grammar = cache.compile(one.source, *tokenizer);
    const double compile_ms = compile.milliseconds();
    const auto ids = tokenizer->encode(one.text, {.add_special_tokens = false});
    const Times cold = follow(*grammar.impl(), ids, scores), warm = follow(*grammar.impl(), ids, scores);
    std::printf("%-12s %6zu %10.3f %10.3f %10.3f %10.3f %10.3f\n", one.name, ids.size(), compile_ms, cold.mean,
                cold.worst, warm.mean, warm.worst);
  }
  return 0;
}

}  // namespace
}  // namespace tidemill

int main(int argc, char** argv) {
  if (argc == 2) return tidemill::run(argv[1]);
  std::fputs("usage: grammar_bench TOKENIZER\n", stderr);
  return 2;
}
