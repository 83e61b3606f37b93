#include "cli/grammar_options.h"

#include "cli/input.h"
#include "tidemill/error.h"

namespace tidemill::cli {

std::optional<GrammarSource> grammar_source(const Arguments& arguments) {
  const bool has_grammar = arguments.has("--grammar"), has_schema = arguments.has("--json-schema");
  const bool is_object = arguments.flag("--json-object");
  if (int{has_grammar} + int{has_schema} + int{is_object} > 1)
    throw Error(ErrorCode::invalid_argument,
                "--grammar, --json-schema, --json-object: each says what the text must be; give one of them");
  if (has_grammar) return GrammarSource{GrammarSource::Kind::gbnf, read_all(arguments.text("--grammar"))};
  if (has_schema) return GrammarSource{GrammarSource::Kind::json_schema, read_all(arguments.text("--json-schema"))};
  if (is_object) return GrammarSource{GrammarSource::Kind::json_schema, R"({"type": "object"})"};
  return std::nullopt;
}

}  // namespace tidemill::cli
