// What the fuzz targets of grammars have in common.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "grammar/automaton.h"

namespace tidemill::grammar {

// Runs a program over text that `bytes` choose: each of them, or the next byte that may follow.  Returns the text when
// it is a whole one, else nothing.  Aborts when a state has no way on.
inline std::string follow_any(Program program, std::string_view bytes) {
  Automaton automaton(std::move(program));
  Automaton::State state = automaton.start();
  std::string text;
  for (const char wanted : bytes.substr(0, 2000)) {
    automaton.allow_work(100'000);
    Automaton::State next = Automaton::kDead;
    for (int ahead = 0; ahead < 256 && next == Automaton::kDead; ++ahead) {
      const auto byte = static_cast<uint8_t>(static_cast<uint8_t>(wanted) + ahead);
      next = automaton.next(state, byte);
      if (next != Automaton::kDead) text += static_cast<char>(byte);
    }
    if (next == Automaton::kDead && (automaton.can_go_on(state) || !automaton.accepts(state))) std::abort();
    if (next == Automaton::kDead) break;
    state = next;
  }
  return automaton.accepts(state) ? text : std::string();
}

}  // namespace tidemill::grammar
