// One pass over the pattern.  What differs from PCRE2: classes and word boundaries (our own tables), (?m) for "." that
// matches line ends, (?i) that reaches over "|", intervals that know no "+" and "?", repeated quantifiers, \h and \R.
#include "text/regex/regex_syntax.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "text/regex/regex_brackets.h"
#include "text/regex/regex_class_pattern.h"
#include "text/unicode/code_points.h"
#include "text/unicode/utf8.h"

namespace tidemill {
namespace {

constexpr size_t kMaxGroups = 200;  // one inside the other; PCRE2 allows 250

class Translator {
 public:
  Translator(std::string_view pattern, const std::string& where) : reader_(pattern, where) {
    if (!is_utf8(pattern)) reader_.fail("it is not UTF-8");
  }

  std::string run() {
    while (!reader_.at_end()) step();
    if (!groups_.empty()) reader_.fail("')' is missing");
    close(n_flag_groups_);
    return std::move(out_);
  }

 private:
  static constexpr size_t kNone = SIZE_MAX;

  struct Group {
    size_t start;          // of it in out_
    size_t n_flag_groups;  // that were open around it
  };

  void step() {
    switch (reader_.peek()) {
      case '\\':
        reader_.advance(1);
        return escape();
      case '[':
        reader_.advance(1);
        return atom(class_pattern(read_brackets(reader_)));
      case '(':
        return open();
      case ')':
        return close_group();
      case '|':
        reader_.advance(1);
        out_ += '|';
        atom_ = kNone;
        return;
      case '*':
      case '+':
      case '?':
        return simple_quantifier();
      case '{':
        if (interval()) return;
        break;
      default:
        break;
    }
    literal(reader_.next());
  }

  // --- atoms ---

  void atom(std::string_view pattern) {
    atom_ = out_.size();
    quantified_ = false;
    out_ += pattern;
  }

  // Also '.', '^' and '$', which mean the same.
  void literal(char32_t c) {
    if (c == '{' || c == '}') return atom(c == '{' ? "\\{" : "\\}");
    atom(Utf8Character(c));
  }

  void exactly(char32_t c) {
    char text[16];
    std::snprintf(text, sizeof text, "\\x{%x}", static_cast<unsigned>(c));
    atom(text);
  }

  void escape() {
    const Escaped escaped = read_escape(reader_, Brackets::outside);
    // Oniguruma does not fold the case of a class that stands alone.
    if (escaped.set) return atom("(?-i:" + class_pattern(*escaped.set) + ")");
    if (escaped.character) return exactly(*escaped.character);
    switch (escaped.other) {
      case 'b':
        return word_boundary(true);
      case 'B':
        return word_boundary(false);
      case 'R':
        return atom("(?>\\r\\n|[\\n-\\r\\x{85}\\x{2028}\\x{2029}])");
      case 'N':
        return atom("[^\\n]");
      case 'O':
        return atom("(?s:.)");
      case 'k':
      case 'g':
        return reference(escaped.other);
      case 'X':
      case 'K':
      case 'A':
      case 'z':
      case 'Z':
      case 'G':
        return atom(std::string("\\") + escaped.other);
      default:
        if ('1' <= escaped.other && escaped.other <= '9') return back_reference(escaped.other);
        reader_.fail_unsupported(std::string("\\") + escaped.other);
    }
  }

  void word_boundary(bool at_one) {
    const std::string word = class_pattern(*find_shorthand('w', Brackets::outside));
    const std::string before = "(?<=" + word + ")", not_before = "(?<!" + word + ")";
    const std::string after = "(?=" + word + ")", not_after = "(?!" + word + ")";
    atom("(?-i:" + before + (at_one ? not_after : after) + "|" + not_before + (at_one ? after : not_after) + ")");
  }

  void reference(char kind) {
    if (!reader_.skip("<")) reader_.fail(std::string("'<' is missing behind \\") + kind);
    atom(std::string("\\") + kind + "<" + std::string(reader_.until('>')) + ">");
  }

  // \12 is a reference if there are that many groups so far, else it is octal.
  void back_reference(char first) {
    std::string number(1, first);
    const std::string_view rest = reader_.rest();
    const size_t n_more = std::min(rest.find_first_not_of("0123456789"), rest.size());
    number += rest.substr(0, n_more);
    if (number.size() > 4) reader_.fail("a number is too large");
    if (number.size() > 1 && std::stoul(number) > n_captures_) {
      if (number.size() != 3 || number.find_first_of("89") != number.npos) reader_.fail("a group is missing");
      reader_.advance(n_more);
      return exactly(static_cast<char32_t>(std::stoul(number, nullptr, 8)));
    }
    reader_.advance(n_more);
    atom("\\g{" + number + "}");
  }

  // --- groups ---

  void open() {
    if (groups_.size() == kMaxGroups) reader_.fail("groups are nested too deeply");
    if (reader_.skip("(?#")) {
      reader_.until(')');
      return;
    }
    for (const std::string_view prefix : {"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!"}) {
      if (reader_.skip(prefix)) return push(prefix);
    }
    if (reader_.skip("(?<")) return capture("(?<" + std::string(reader_.until('>')) + ">");
    if (reader_.skip("(?'")) return capture("(?'" + std::string(reader_.until('\'')) + "'");
    if (reader_.skip("(?")) return flags();
    reader_.advance(1);
    capture("(");
  }

  void capture(std::string_view prefix) {
    ++n_captures_;
    push(prefix);
  }

  void push(std::string_view prefix) {
    groups_.push_back({out_.size(), n_flag_groups_});
    n_flag_groups_ = 0;
    out_ += prefix;
    atom_ = kNone;
  }

  // (?i) holds to the end of the group it stands in, over "|", so it opens a group of its own.
  void flags() {
    std::string said = "(?";
    while (!reader_.starts_with(":") && !reader_.starts_with(")")) {
      const char32_t flag = reader_.next();
      if (flag != 'i' && flag != 'm' && flag != '-') reader_.fail_unsupported("an unknown option of a group");
      said += flag == 'm' ? 's' : static_cast<char>(flag);
    }
    said += ':';
    if (reader_.skip(":")) return push(said);
    reader_.advance(1);
    out_ += said;
    ++n_flag_groups_;
    if (groups_.size() + n_flag_groups_ > kMaxGroups) reader_.fail("groups are nested too deeply");
    atom_ = kNone;
  }

  void close(size_t n_groups) { out_.append(n_groups, ')'); }

  void close_group() {
    if (groups_.empty()) reader_.fail("'(' is missing");
    reader_.advance(1);
    close(n_flag_groups_ + 1);
    atom_ = groups_.back().start;
    quantified_ = false;
    n_flag_groups_ = groups_.back().n_flag_groups;
    groups_.pop_back();
  }

  // --- quantifiers ---

  void begin_quantifier() {
    if (atom_ == kNone) reader_.fail("there is nothing to repeat");
    if (quantified_) {
      out_.insert(atom_, "(?:");
      out_ += ')';
    }
    quantified_ = true;
  }

  void simple_quantifier() {
    begin_quantifier();
    out_ += reader_.peek();
    reader_.advance(1);
    if (reader_.peek() != '?' && reader_.peek() != '+') return;
    out_ += reader_.peek();
    reader_.advance(1);
  }

  // {n}, {n,}, {n,m}, {,m}; false when the brace is none and stands for itself.
  bool interval() {
    const std::string_view rest = reader_.rest();
    const size_t end = rest.find('}');
    if (end == rest.npos) return false;
    const std::string_view inside = rest.substr(1, end - 1);
    const size_t comma = inside.find(',');
    const std::string_view low = inside.substr(0, comma);
    const std::string_view high = comma == inside.npos ? low : inside.substr(comma + 1);
    const auto is_number = [](std::string_view text) {
      return text.size() < 6 && text.find_first_not_of("0123456789") == text.npos;
    };
    if (!is_number(low) || !is_number(high) || (low.empty() && high.empty())) return false;
    begin_quantifier();
    out_ += "{" + (low.empty() ? "0" : std::string(low)) + (comma == inside.npos ? "" : "," + std::string(high)) + "}";
    reader_.advance(end + 1);
    if (comma != inside.npos && reader_.skip("?")) out_ += '?';
    return true;
  }

  PatternReader reader_;
  std::string out_;
  std::vector<Group> groups_;
  size_t n_captures_ = 0;
  size_t n_flag_groups_ = 0;  // opened by (?i) in the innermost group
  size_t atom_ = kNone;       // where in out_ begins what a quantifier would repeat
  bool quantified_ = false;   // it has one
};

}  // namespace

std::string pcre_pattern(std::string_view pattern, const std::string& where) {
  return Translator(pattern, where).run();
}

}  // namespace tidemill
