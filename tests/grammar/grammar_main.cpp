// grammar_tool: the grammar layer, for tests in Python.
//
// The first argument is a tokenizer, as Tokenizer::from_file takes it.  Each line of standard input is a JSON object:
//   {"schema" or "gbnf": TEXT, "walk": SEED, "steps": N}  ->  {"text", "whole"}: tokens chosen blindly among those
//                                                            that are allowed, then the shortest way to an end
//   {"schema" or "gbnf": TEXT, "accepts": TEXT}           ->  {"verdict": "whole" | "part" | "no"}
//   and where the grammar is refused                      ->  {"where", "why"}

#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "grammar/grammar_cache.h"
#include "grammar/token_grammar.h"
#include "tidemill/tokenizer.h"

namespace tidemill {
namespace {

using nlohmann::json;

// A walk over masks.  Past `steps` it takes tokens that JSON ends with where it may, so that it comes to an end.
json walk(Grammar::Impl& grammar, const Tokenizer& tokenizer, uint64_t seed, int64_t steps) {
  std::mt19937_64 random(seed);
  grammar::TokenState state = grammar.start();
  std::string text;
  for (int64_t step = 0; step < steps * 20 && !grammar.must_end(state); ++step) {
    if (grammar.may_end(state) && (step >= steps || random() % 8 == 0)) break;
    const auto mask = grammar.mask(state);
    std::vector<int32_t> ids, closing;
    for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
      if (!mask->allows(id)) continue;
      ids.push_back(id);
      const std::string_view bytes = grammar.vocabulary().bytes(id);
      if (bytes.find_first_of("\"]}0123456789") == 0 && bytes.size() == 1) closing.push_back(id);
    }
    if (ids.empty()) return {{"text", text}, {"whole", false}, {"stuck", true}};
    const bool closes = step >= steps && !closing.empty() && random() % 8 != 0;
    const auto& from = closes ? closing : ids;
    const int32_t id = from[random() % from.size()];
    text += grammar.vocabulary().bytes(id);
    grammar.accept(state, id);
  }
  return {{"text", text}, {"whole", grammar.may_end(state)}};
}

const char* verdict(Grammar::Impl& grammar, const Tokenizer& tokenizer, const std::string& text) {
  grammar::TokenState state = grammar.start();
  for (const int32_t id : tokenizer.encode(text, {.add_special_tokens = false})) {
    if (!grammar.mask(state)->allows(id)) return "no";
    grammar.accept(state, id);
  }
  return grammar.may_end(state) ? "whole" : "part";
}

json answer(const json& line, grammar::GrammarCache& cache, const Tokenizer& tokenizer) {
  GrammarSource source;
  source.kind = line.contains("schema") ? GrammarSource::Kind::json_schema : GrammarSource::Kind::gbnf;
  source.text = line.contains("schema") ? line["schema"].get<std::string>() : line["gbnf"].get<std::string>();
  try {
    const Grammar grammar = cache.compile(source, tokenizer);
    if (line.contains("walk")) return walk(*grammar.impl(), tokenizer, line["walk"], line["steps"]);
    return {{"verdict", verdict(*grammar.impl(), tokenizer, line["accepts"])}};
  } catch (const GrammarError& error) {
    return {{"where", error.where()}, {"why", error.why()}};
  }
}

int run(const char* path) {
  const auto tokenizer = Tokenizer::from_file(path);
  grammar::GrammarCache cache;
  std::string line;
  while (std::getline(std::cin, line))
    std::cout << answer(json::parse(line), cache, *tokenizer).dump(-1, ' ', false, json::error_handler_t::replace)
              << std::endl;
  return 0;
}

}  // namespace
}  // namespace tidemill

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    return tidemill::run(argv[1]);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
