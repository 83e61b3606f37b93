// GBNF: llama.cpp's notation for grammars.
// https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md
#pragma once

#include <string_view>

#include "grammar/rules.h"

namespace tidemill::grammar {

// Adds the rules of `text` and returns the one that is named "root".  Throws GrammarError with the line and column of
// what is wrong.
RuleId read_gbnf(std::string_view text, Rules& rules);

}  // namespace tidemill::grammar
