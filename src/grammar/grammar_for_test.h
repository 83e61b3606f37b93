// Grammars in tests: whether one accepts a text, byte by byte.
#pragma once

#include <string>
#include <string_view>

#include "grammar/automaton.h"
#include "grammar/gbnf.h"
#include "grammar/program.h"

namespace tidemill::grammar {

inline Automaton automaton_of_gbnf(std::string_view text) {
  Rules rules;
  const RuleId root = read_gbnf(text, rules);
  return Automaton(compile(rules, root));
}

enum class Verdict { whole, part, no };

inline Verdict verdict(Automaton& automaton, std::string_view text) {
  Automaton::State state = automaton.start();
  for (const char byte : text) state = automaton.next(state, static_cast<uint8_t>(byte));
  return state == Automaton::kDead ? Verdict::no : automaton.accepts(state) ? Verdict::whole : Verdict::part;
}

inline bool accepts(Automaton& automaton, std::string_view text) {
  return verdict(automaton, text) == Verdict::whole;
}

}  // namespace tidemill::grammar
