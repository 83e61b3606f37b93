// Options that say what a text must be.
#pragma once

#include <optional>

#include "cli/options.h"
#include "tidemill/grammar.h"

namespace tidemill::cli {

inline constexpr Option kGrammarOption = {.flag = "--grammar",
                                          .kind = OptionKind::text,
                                          .value_name = "FILE",
                                          .help = "write what this grammar allows only; GBNF, as llama.cpp has it"};
inline constexpr Option kJsonSchemaOption = {.flag = "--json-schema",
                                             .kind = OptionKind::text,
                                             .value_name = "FILE",
                                             .help = "write JSON that satisfies this schema"};
inline constexpr Option kJsonObjectOption = {.flag = "--json-object", .help = "write a JSON object"};

// What these options ask for, their files read; nothing when none is given.  Throws invalid_argument for several of
// them, and what read_all throws.
std::optional<GrammarSource> grammar_source(const Arguments& arguments);

}  // namespace tidemill::cli
