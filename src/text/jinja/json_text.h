// JSON as Python's json module writes and reads it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "text/jinja/value.h"

namespace tidemill::jinja {

struct JsonStyle {
  bool ensure_ascii = false;
  std::optional<std::string> indent = {};  // one level; nothing: all on one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};

// json.dumps(value).  Throws Failure(value) for what JSON cannot express.
void append_json(Text& out, Runtime& runtime, const Value& value, const JsonStyle& style);

// json.loads(text); keys keep their order.  The values are charged to nobody: they are the caller's.
// Throws Failure(value) for bad JSON, whole numbers past 64 bits, and more than kMaxNesting levels.
Value parse_json(std::string_view text);

}  // namespace tidemill::jinja
