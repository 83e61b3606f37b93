// Fuzz target: any bytes as a JSON Schema.  Build: ./dev fuzz json_schema_fuzz.
//
// Input: a schema; after the first zero byte a text.  Checked: the schema is refused with GrammarError, or compiled
// within its limits, and then the text can be followed; a whole text that the schema allows is JSON.

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "grammar/automaton.h"
#include "grammar/fuzz_automaton.h"
#include "grammar/json_schema.h"
#include "tidemill/grammar.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemill;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t split = std::min(input.find('\0'), input.size());
  try {
    grammar::Rules rules;
    const grammar::RuleId root = grammar::read_json_schema(input.substr(0, split), rules);
    const std::string whole = grammar::follow_any(grammar::compile(rules, root), input.substr(split));
    if (!whole.empty() && !nlohmann::json::accept(whole)) std::abort();
  } catch (const GrammarError&) {
  }
  return 0;
}
