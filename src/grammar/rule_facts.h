// What can be said of expressions before they are compiled.
#pragma once

#include <vector>

#include "grammar/rules.h"

namespace tidemill::grammar {

struct RuleFacts {
  std::vector<char> nullable;    // by expression: the empty string is among its strings
  std::vector<char> productive;  // by expression: it has a string at all
};

RuleFacts facts_of(const Rules& rules);

// Throws GrammarError when a rule can come back to itself before anything is read: such rules have no end when they are
// read from the left.
void refuse_left_recursion(const Rules& rules, const RuleFacts& facts);

}  // namespace tidemill::grammar
