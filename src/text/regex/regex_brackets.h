// Bracket expressions and escapes of Oniguruma's Ruby syntax.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "text/regex/regex_classes.h"
#include "text/unicode/code_point_set.h"

namespace tidemill {

// Reads a pattern from front to back.
class PatternReader {
 public:
  PatternReader(std::string_view pattern, const std::string& where) : pattern_(pattern), where_(where) {}

  bool at_end() const { return pos_ == pattern_.size(); }
  char peek() const { return at_end() ? '\0' : pattern_[pos_]; }
  bool starts_with(std::string_view text) const { return pattern_.substr(pos_).starts_with(text); }
  // Passes `text` if it stands here.
  bool skip(std::string_view text);
  void advance(size_t n_bytes) { pos_ += n_bytes; }
  // The next character, which is passed; fails at the end.
  char32_t next();
  // What stands before `end`, which is passed, too; fails when there is none.
  std::string_view until(char end);
  std::string_view rest() const { return pattern_.substr(pos_); }

  // Throws bad_file or unsupported with the pattern and the reason.
  [[noreturn]] void fail(const std::string& why) const;
  [[noreturn]] void fail_unsupported(const std::string& what) const;

 private:
  std::string_view pattern_;
  const std::string& where_;
  size_t pos_ = 0;
};

// What an escape stands for; behind the backslash on entry, behind the escape afterwards.
struct Escaped {
  std::optional<CodePointSet> set;    // \w \p{...}
  std::optional<char32_t> character;  // \n \x{...}, and letters without a meaning
  char other = 0;                     // neither: the letter of what only stands outside brackets
};
Escaped read_escape(PatternReader& reader, Brackets brackets);

// A bracket expression, behind its '[' on entry and behind its ']' afterwards.
CodePointSet read_brackets(PatternReader& reader);

}  // namespace tidemill
