// Fuzz target: any bytes as a GBNF grammar.  Build: ./dev fuzz gbnf_fuzz.
//
// Input: a grammar; after the first zero byte a text.  Checked: the grammar is refused with GrammarError, or compiled
// within its limits, and then the text can be followed; a state that is not dead leads on or is an end.

#include <cstdlib>
#include <string>

#include "grammar/automaton.h"
#include "grammar/fuzz_automaton.h"
#include "grammar/gbnf.h"
#include "tidemill/grammar.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemill;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t split = std::min(input.find('\0'), input.size());
  try {
    grammar::Rules rules;
    const grammar::RuleId root = grammar::read_gbnf(input.substr(0, split), rules);
    grammar::follow_any(grammar::compile(rules, root), input.substr(split));
  } catch (const GrammarError&) {
  }
  return 0;
}
