// Regular expressions of tokenizer files: the syntax of Oniguruma (as Hugging Face's tokenizers uses it), run by PCRE2.
//
// Classes mean what they mean there, in Unicode 16.0, whatever PCRE2 is installed.  Not so: (?i) folds single
// characters only ("ss" does not match U+00DF), and what only Oniguruma has, such as (?~...), is refused.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tidemill {

// Immutable; any number of threads may use it at once, each with memory of its own that is kept until it ends.
class Regex {
 public:
  struct Match {
    size_t begin, end;  // bytes; may be empty
  };

  // `where` names the field in errors.  Throws bad_file for a pattern that is malformed, unsupported for one that PCRE2
  // cannot run.
  Regex(std::string_view pattern, const std::string& where);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

  // The first match in `text`, valid UTF-8, that begins at `from` or later; lookbehind sees what is before.  Throws
  // bad_file, naming the pattern, when that takes more than ten million steps or too much memory.
  std::optional<Match> find(std::string_view text, size_t from) const;

 private:
  struct Compiled;
  std::unique_ptr<const Compiled> compiled_;
};

// All matches in a text, front to back: none overlap, and an empty one does not follow directly on another.
class RegexMatches {
 public:
  // `from`: 0, or where an earlier match or the gap before one ended.
  RegexMatches(const Regex& regex, std::string_view text, size_t from = 0) : regex_(regex), text_(text), next_(from) {}

  std::optional<Regex::Match> next();

 private:
  const Regex& regex_;
  std::string_view text_;
  size_t next_;                     // where to search from
  std::optional<size_t> last_end_;  // of the last match
};

}  // namespace tidemill
