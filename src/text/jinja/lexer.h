// Template source -> tokens, exactly as Jinja cuts it with trim_blocks and lstrip_blocks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidemill::jinja {

enum class TokenKind {
  data,            // text between tags, whitespace control applied
  block_begin,     // {%
  block_end,       // %}
  variable_begin,  // {{
  variable_end,    // }}
  name,
  string,   // without quotes, escapes replaced
  integer,  // as written
  real,     // as written
  symbol,   // an operator or bracket
  end,      // of the source
};

struct Token {
  TokenKind kind;
  std::string text;
  int line;
};

// Throws Failure(syntax) with the line.  `source` is valid UTF-8.  The last token is `end`.
std::vector<Token> tokenize(std::string_view source);

// The value of a string literal between its quotes: Python's escapes.  Throws Failure(syntax).
std::string unescape_literal(std::string_view literal, int line);

}  // namespace tidemill::jinja
