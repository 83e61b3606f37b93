// NameSet: strings that an expression allows, to be asked about while a schema is compiled.
#pragma once

#include <string_view>

#include "grammar/automaton.h"

namespace tidemill::grammar {

class NameSet {
 public:
  // Of JSON strings, quotes included.  Throws what Automaton throws.
  explicit NameSet(Program program) : automaton_(std::move(program)) {}

  bool contains(std::string_view name);
  // Whether some string is in both; true, too, when that would take too long to find out.
  bool may_meet(NameSet& other);

 private:
  Automaton automaton_;
};

}  // namespace tidemill::grammar
