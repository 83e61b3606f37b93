#include "grammar/gbnf.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "text/unicode/utf8.h"
#include "tidemill/grammar.h"

namespace tidemill::grammar {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 20;
constexpr int kMaxDepth = 64;
constexpr uint32_t kMaxCount = 100'000;

std::string to_utf8(char32_t c) {
  std::string text;
  if (c < 0x80) return {static_cast<char>(c)};
  const int n_more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  text += static_cast<char>((n_more == 1 ? 0xC0 : n_more == 2 ? 0xE0 : 0xF0) | (c >> (6 * n_more)));
  for (int k = n_more; k-- > 0;) text += static_cast<char>(0x80 | ((c >> (6 * k)) & 0x3F));
  return text;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

class Reader {
 public:
  Reader(std::string_view text, Rules& rules) : text_(text), rules_(rules) {}

  RuleId read() {
    if (text_.size() > kMaxBytes) throw GrammarError("", "has more than a million bytes; make it smaller");
    if (!is_utf8(text_)) throw GrammarError("", "is not UTF-8");
    for (skip_space(true); !at_end(); skip_space(true)) read_rule();
    for (const auto& [name, rule] : names_)
      if (!rule.defined_at) fail_at(rule.used_at, "rule '" + name + "' is used, but not defined");
    const auto root = names_.find("root");
    if (root == names_.end()) throw GrammarError("", "has no rule 'root'; the text is what root ::= ... says");
    return root->second.id;
  }

 private:
  struct Rule {
    RuleId id = 0;
    std::optional<size_t> defined_at = {};
    size_t used_at = 0;
  };

  bool at_end() const { return pos_ == text_.size(); }
  char peek(size_t ahead = 0) const { return pos_ + ahead < text_.size() ? text_[pos_ + ahead] : '\0'; }
  bool skip(std::string_view expected) {
    if (!text_.substr(pos_).starts_with(expected)) return false;
    pos_ += expected.size();
    return true;
  }

  [[noreturn]] void fail_at(size_t pos, const std::string& why) const {
    const std::string_view before = text_.substr(0, pos);
    size_t line = 1, column = 1;
    for (const char c : before) {
      column = c == '\n' ? 1 : column + ((c & 0xC0) != 0x80 ? 1 : 0);
      if (c == '\n') ++line;
    }
    throw GrammarError("line " + std::to_string(line) + ", column " + std::to_string(column), why);
  }
  [[noreturn]] void fail(const std::string& why) const { fail_at(pos_, why); }
  std::string next_shown() const {
    if (at_end()) return "the end";
    return "'" + std::string(text_.substr(pos_, first_character(text_.substr(pos_)).n_bytes)) + "'";
  }

  // Spaces and comments, and with `lines` line ends.
  void skip_space(bool lines) {
    while (!at_end()) {
      const char c = peek();
      if (c == '#') {
        pos_ = std::min(text_.find('\n', pos_), text_.size());
      } else if (c == ' ' || c == '\t' || (lines && (c == '\n' || c == '\r'))) {
        ++pos_;
      } else {
        return;
      }
    }
  }

  std::string read_name() {
    const size_t begin = pos_;
    while (is_name_character(peek())) ++pos_;
    if (pos_ == begin) fail("expected the name of a rule, not " + next_shown());
    return std::string(text_.substr(begin, pos_ - begin));
  }

  Rule& rule_named(const std::string& name, size_t used_at) {
    const auto [found, is_new] = names_.try_emplace(name);
    if (is_new) found->second = {.id = rules_.new_rule(name), .used_at = used_at};
    return found->second;
  }

  void read_rule() {
    const size_t begin = pos_;
    const std::string name = read_name();
    skip_space(false);
    if (!skip("::=")) fail("expected '::=' after the name '" + name + "', not " + next_shown());
    Rule& rule = rule_named(name, begin);
    if (rule.defined_at) fail_at(begin, "rule '" + name + "' is defined twice; join them with '|'");
    rule.defined_at = begin;
    skip_space(true);
    const RuleId id = rule.id;
    rules_.define(id, read_choice(0));
    skip_space(false);
    if (!at_end() && peek() != '\n' && peek() != '\r') fail("expected a new line or the end, not " + next_shown());
  }

  ExpressionId read_choice(int depth) {
    std::vector<ExpressionId> parts = {read_sequence(depth)};
    while (begins_alternative(depth)) parts.push_back(read_sequence(depth));
    return rules_.choice(std::move(parts));
  }

  // Passes a '|', which may stand on the next line.
  bool begins_alternative(int depth) {
    const size_t begin = pos_;
    skip_space(true);
    if (skip("|")) {
      skip_space(true);
      return true;
    }
    if (depth == 0) pos_ = begin;
    return false;
  }

  ExpressionId read_sequence(int depth) {
    std::vector<ExpressionId> parts;
    while (const std::optional<ExpressionId> item = read_item(depth)) {
      parts.push_back(read_repetition(*item));
      skip_space(depth > 0);
    }
    return parts.empty() ? rules_.empty() : rules_.sequence(std::move(parts));
  }

  // Nothing when none begins here.
  std::optional<ExpressionId> read_item(int depth) {
    const size_t begin = pos_;
    if (skip("\"")) return read_literal();
    if (skip("[")) return read_class();
    if (skip(".")) return rules_.set(CodePointSet(0, CodePointSet::kLast));
    if (skip("(")) {
      if (depth >= kMaxDepth) fail_at(begin, "groups are nested more than " + std::to_string(kMaxDepth) + " deep");
      skip_space(true);
      const ExpressionId group = read_choice(depth + 1);
      skip_space(true);
      if (!skip(")")) fail("expected ')' for the '(' before, not " + next_shown());
      return group;
    }
    if (peek() == '<' || peek() == '!') fail("tokens, as in <name>, are not supported; write their text");
    if (!is_name_character(peek())) return std::nullopt;
    return rules_.reference(rule_named(read_name(), begin).id);
  }

  char32_t read_hex(int n_digits) {
    char32_t value = 0;
    for (int k = 0; k < n_digits; ++k) {
      const char c = peek();
      const bool is_digit = c >= '0' && c <= '9', is_lower = c >= 'a' && c <= 'f', is_upper = c >= 'A' && c <= 'F';
      if (!is_digit && !is_lower && !is_upper) fail("expected " + std::to_string(n_digits) + " hexadecimal digits");
      value = value * 16 + static_cast<char32_t>(is_digit ? c - '0' : is_lower ? c - 'a' + 10 : c - 'A' + 10);
      ++pos_;
    }
    if (value > CodePointSet::kLast || (value >= 0xD800 && value <= 0xDFFF)) fail("is no character of Unicode");
    return value;
  }

  // One character of a literal or a class, which an escape may stand for.
  char32_t read_character() {
    if (!skip("\\")) {
      const DecodedCharacter character = first_character(text_.substr(pos_));
      pos_ += character.n_bytes;
      return character.code_point;
    }
    const char letter = peek();
    if (at_end()) fail("expected a character after '\\'");
    ++pos_;
    switch (letter) {
      case 'x':
        return read_hex(2);
      case 'u':
        return read_hex(4);
      case 'U':
        return read_hex(8);
      case 't':
        return '\t';
      case 'r':
        return '\r';
      case 'n':
        return '\n';
      case '\\':
      case '"':
      case '[':
      case ']':
      case '-':
      case '^':
        return static_cast<char32_t>(letter);
      default:
        break;
    }
    --pos_;
    fail("unknown escape '\\' and " + next_shown() + R"(; there are \x41 \u0041 \U00000041 \t \r \n \\ \" \[ \])");
  }

  ExpressionId read_literal() {
    const size_t begin = pos_ - 1;
    std::string literal;
    while (!skip("\"")) {
      if (at_end() || peek() == '\n') fail_at(begin, "the literal has no end; expected '\"'");
      literal += to_utf8(read_character());
    }
    return rules_.literal(std::move(literal));
  }

  ExpressionId read_class() {
    const size_t begin = pos_ - 1;
    const bool is_negated = skip("^");
    CodePointSet set;
    while (!skip("]")) {
      if (at_end() || peek() == '\n') fail_at(begin, "the class has no end; expected ']'");
      const size_t at = pos_;
      const char32_t first = read_character();
      char32_t last = first;
      if (peek() == '-' && peek(1) != ']' && pos_ + 1 < text_.size()) {
        ++pos_;
        last = read_character();
      }
      if (last < first) fail_at(at, "the range runs backwards; write its lower end first");
      set.add(CodePointSet(first, last));
    }
    return rules_.set(is_negated ? set.complement() : std::move(set));
  }

  uint32_t read_count() {
    if (peek() < '0' || peek() > '9') fail("expected a number of repetitions, not " + next_shown());
    uint32_t count = 0;
    while (peek() >= '0' && peek() <= '9') {
      count = count * 10 + static_cast<uint32_t>(peek() - '0');
      if (count > kMaxCount) fail("more than " + std::to_string(kMaxCount) + " repetitions; use '*' or fewer");
      ++pos_;
    }
    return count;
  }

  // What follows an item: * + ? {m} {m,} {m,n} {,n}
  ExpressionId read_repetition(ExpressionId item) {
    int n_operators = 0;
    for (;;) {
      if (++n_operators > kMaxDepth) fail("too many repetitions of one thing");
      const size_t before = pos_;
      skip_space(false);
      if (skip("*")) {
        item = rules_.repeat(item, 0, kUnlimited);
      } else if (skip("+")) {
        item = rules_.repeat(item, 1, kUnlimited);
      } else if (skip("?")) {
        item = rules_.optional(item);
      } else if (skip("{")) {
        item = read_braces(item, before);
      } else {
        pos_ = before;
        return item;
      }
    }
  }

  ExpressionId read_braces(ExpressionId item, size_t begin) {
    skip_space(false);
    const uint32_t min = peek() == ',' ? 0 : read_count();
    skip_space(false);
    uint32_t max = min;
    if (skip(",")) {
      skip_space(false);
      max = peek() == '}' ? kUnlimited : read_count();
      skip_space(false);
    }
    if (!skip("}")) fail("expected '}', not " + next_shown());
    if (max < min) fail_at(begin, "the least number of repetitions is above the greatest");
    return rules_.repeat(item, min, max);
  }

  std::string_view text_;
  Rules& rules_;
  size_t pos_ = 0;
  std::map<std::string, Rule> names_;
};

}  // namespace

RuleId read_gbnf(std::string_view text, Rules& rules) {
  return Reader(text, rules).read();
}

}  // namespace tidemill::grammar
