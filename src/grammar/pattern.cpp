#include "grammar/pattern.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "grammar/pattern_classes.h"
#include "text/regex/regex_classes.h"
#include "text/unicode/utf8.h"

namespace tidemill::grammar {
namespace {

constexpr size_t kMaxBytes = 10'000;
constexpr int kMaxDepth = 64;
constexpr uint32_t kMaxCount = 100'000;

uint32_t plus(uint32_t a, uint32_t b) {
  return a == kUnlimited || b == kUnlimited ? kUnlimited : std::min<uint64_t>(uint64_t{a} + b, kUnlimited - 1);
}
uint32_t times(uint32_t a, uint32_t b) {
  if (a == 0 || b == 0) return 0;
  return a == kUnlimited || b == kUnlimited ? kUnlimited : std::min<uint64_t>(uint64_t{a} * b, kUnlimited - 1);
}

// A part of a pattern.
struct Part {
  ExpressionId expression = 0;
  Lengths lengths = {};
  bool from_start = false, to_end = false;    // it begins with ^, ends with $
  std::optional<ExpressionId> repeated = {};  // it is `lengths` times this one character
};

class Reader {
 public:
  Reader(std::string_view pattern, Rules& rules, JsonText& text, const SchemaPath& path)
      : pattern_(pattern), rules_(rules), text_(text), path_(path) {}

  ExpressionId read(Lengths lengths) {
    if (pattern_.size() > kMaxBytes) path_.fail("has more than 10,000 bytes");
    std::vector<Part> parts = read_choice(0);
    if (!at_end()) fail("')' without '('");
    std::vector<ExpressionId> expressions;
    for (const Part& part : parts) expressions.push_back(limited(part, lengths));
    return rules_.choice(std::move(expressions));
  }

 private:
  bool at_end() const { return pos_ == pattern_.size(); }
  char peek() const { return at_end() ? '\0' : pattern_[pos_]; }
  bool skip(std::string_view expected) {
    if (!pattern_.substr(pos_).starts_with(expected)) return false;
    pos_ += expected.size();
    return true;
  }
  [[noreturn]] void fail(const std::string& why) const {
    path_.fail("at character " + std::to_string(pos_ + 1) + ": " + why);
  }

  // A whole alternative, with what may stand around it, of allowed lengths.
  ExpressionId limited(const Part& part, Lengths wanted) {
    const bool is_whole = part.from_start && part.to_end;
    const uint32_t max = is_whole ? part.lengths.max : kUnlimited;
    if (part.lengths.min > wanted.max || max < wanted.min) return rules_.nothing();
    if (part.lengths.min >= wanted.min && max <= wanted.max) return surrounded(part);
    if (is_whole && part.repeated)
      return rules_.repeat(*part.repeated, std::max(part.lengths.min, wanted.min), std::min(max, wanted.max));
    return padding(part, wanted);
  }

  ExpressionId surrounded(const Part& part) {
    const ExpressionId any = rules_.repeat(text_.character(), 0, kUnlimited);
    std::vector<ExpressionId> parts = {part.expression};
    if (!part.from_start) parts.insert(parts.begin(), any);
    if (!part.to_end) parts.push_back(any);
    return rules_.sequence(std::move(parts));
  }

  // One side is open: what stands there makes up for the length, where the part itself has one length.
  ExpressionId padding(const Part& part, Lengths wanted) {
    const bool is_open_once = part.from_start != part.to_end;
    if (!is_open_once || part.lengths.min != part.lengths.max)
      path_.fail(
          "cannot be joined with minLength or maxLength here; say the length in the pattern, as in ^[a-z]{2,9}$");
    const uint32_t own = part.lengths.min;
    const uint32_t max = wanted.max == kUnlimited ? kUnlimited : wanted.max - own;
    const ExpressionId rest = rules_.repeat(text_.character(), wanted.min > own ? wanted.min - own : 0, max);
    return part.from_start ? rules_.sequence({part.expression, rest}) : rules_.sequence({rest, part.expression});
  }

  std::vector<Part> read_choice(int depth) {
    std::vector<Part> parts;
    do {
      for (Part& part : read_sequence(depth)) parts.push_back(std::move(part));
    } while (skip("|"));
    return parts;
  }

  Part joined(const std::vector<Part>& choice) {
    Part result = {.expression = 0, .lengths = {kUnlimited, 0}};
    std::vector<ExpressionId> expressions;
    for (const Part& part : choice) {
      if (part.from_start || part.to_end) fail("'^' and '$' are only for the ends of a pattern");
      expressions.push_back(part.expression);
      result.lengths.min = std::min(result.lengths.min, part.lengths.min);
      result.lengths.max = std::max(result.lengths.max, part.lengths.max);
    }
    if (choice.size() == 1) return choice.front();
    result.expression = rules_.choice(std::move(expressions));
    return result;
  }

  // Several where a group is all there is, whose alternatives may have ends of their own.
  std::vector<Part> read_sequence(int depth) {
    const bool from_start = skip("^");
    while (skip("^")) {
    }
    bool to_end = false;
    std::vector<std::vector<Part>> items;
    while (!at_end() && peek() != '|' && peek() != ')') {
      if (to_end) fail("nothing can follow '$'");
      if (peek() == '^') fail("'^' is only for the start of a pattern");
      to_end = skip("$");
      if (!to_end) items.push_back(read_item(depth));
      while (to_end && skip("$")) {
      }
    }
    if (items.size() == 1 && !from_start && !to_end) return items.front();
    Part result = {.expression = rules_.empty(), .from_start = from_start, .to_end = to_end};
    result.lengths.max = 0;
    std::vector<ExpressionId> expressions;
    for (const auto& item : items) {
      const Part part = joined(item);
      result.lengths = {plus(result.lengths.min, part.lengths.min), plus(result.lengths.max, part.lengths.max)};
      if (items.size() == 1) result.repeated = part.repeated;
      expressions.push_back(part.expression);
    }
    if (!expressions.empty()) result.expression = rules_.sequence(std::move(expressions));
    return {result};
  }

  // With the quantifiers behind it.
  std::vector<Part> read_item(int depth) {
    std::vector<Part> parts;
    if (skip("(")) {
      if (depth >= kMaxDepth) fail("groups are nested more than 64 deep");
      read_group_kind();
      parts = read_choice(depth + 1);
      if (!skip(")")) fail("a group has no ')'");
    } else {
      parts = {one_of(read_class())};
    }
    const std::optional<Lengths> counts = read_counts();
    if (!counts) return parts;
    const Part part = joined(parts);
    Part result = {.expression = rules_.repeat(part.expression, counts->min, counts->max),
                   .lengths = {times(part.lengths.min, counts->min), times(part.lengths.max, counts->max)}};
    if (part.repeated && part.lengths.min == 1 && part.lengths.max == 1) result.repeated = part.repeated;
    return {result};
  }

  void read_group_kind() {
    if (!skip("?")) return;
    if (skip(":")) return;
    if (peek() == '<' && !pattern_.substr(pos_).starts_with("<=") && !pattern_.substr(pos_).starts_with("<!")) {
      const size_t end = pattern_.find('>', pos_);
      if (end == pattern_.npos) fail("a group's name has no '>'");
      pos_ = end + 1;
      return;
    }
    fail("looking ahead or behind, and flags, cannot be enforced");
  }

  std::optional<uint32_t> read_number() {
    if (peek() < '0' || peek() > '9') return std::nullopt;
    uint32_t number = 0;
    for (; peek() >= '0' && peek() <= '9'; ++pos_) {
      number = number * 10 + static_cast<uint32_t>(peek() - '0');
      if (number > kMaxCount) fail("more than 100,000 repetitions");
    }
    return number;
  }

  std::optional<Lengths> read_counts() {
    std::optional<Lengths> counts;
    if (skip("*")) {
      counts = {0, kUnlimited};
    } else if (skip("+")) {
      counts = {1, kUnlimited};
    } else if (skip("?")) {
      counts = {0, 1};
    } else if (peek() == '{') {
      counts = read_braces();
    }
    if (counts && !skip("?") && (peek() == '*' || peek() == '+')) fail("there is nothing to repeat");
    return counts;
  }

  // {m}, {m,} or {m,n}; anything else is a '{' that stands for itself.
  std::optional<Lengths> read_braces() {
    const size_t begin = pos_++;
    const std::optional<uint32_t> min = read_number();
    std::optional<uint32_t> max = min;
    if (min && skip(",")) max = peek() == '}' ? kUnlimited : read_number();
    if (!min || !max || !skip("}")) {
      pos_ = begin;
      return std::nullopt;
    }
    if (*max < *min) fail("the least number of repetitions is above the greatest");
    return Lengths{*min, *max};
  }

  // One character of `set`, as it stands in a JSON string.
  Part one_of(const CodePointSet& set) {
    std::vector<ExpressionId> parts;
    const CodePointSet plain = set.intersection(plain_json_characters());
    if (!plain.empty()) parts.push_back(rules_.set(plain));
    std::vector<char32_t> special = {U'"', U'\\'};
    for (char32_t c = 0; c < 0x20; ++c) special.push_back(c);
    for (const char32_t c : special)
      if (set.contains(c)) {
        const std::string quoted = nlohmann::json(std::string(1, static_cast<char>(c))).dump();
        parts.push_back(rules_.literal(quoted.substr(1, quoted.size() - 2)));
      }
    const ExpressionId expression = rules_.choice(std::move(parts));
    return {.expression = expression, .lengths = {1, 1}, .repeated = expression};
  }

  CodePointSet read_class() {
    if (skip("[")) return read_brackets();
    if (skip(".")) return any_but_line_ends().least;
    if (peek() == '*' || peek() == '+' || peek() == '?') fail("there is nothing to repeat");
    if (skip("\\")) return read_escape(false).least;
    return read_literal().least;
  }

  static PatternClass only(char32_t c) { return {CodePointSet(c, c), CodePointSet(c, c)}; }

  PatternClass read_literal() {
    const DecodedCharacter character = first_character(pattern_.substr(pos_));
    pos_ += character.n_bytes;
    return only(character.code_point);
  }

  CodePointSet read_brackets() {
    const bool is_negated = skip("^");
    PatternClass all;
    while (!skip("]")) {
      if (at_end()) fail("a class has no ']'");
      const PatternClass first = skip("\\") ? read_escape(true) : read_literal();
      const bool is_range = peek() == '-' && pos_ + 1 < pattern_.size() && pattern_[pos_ + 1] != ']';
      if (!is_range) {
        all.add(first);
        continue;
      }
      ++pos_;
      const PatternClass last = skip("\\") ? read_escape(true) : read_literal();
      const auto is_single = [](const PatternClass& one) {
        return one.least.runs().size() == 1 && one.least.runs()[0].first == one.least.runs()[0].last;
      };
      if (!is_single(first) || !is_single(last) || last.least.runs()[0].first < first.least.runs()[0].first)
        fail("is no range of characters");
      const CodePointSet range(first.least.runs()[0].first, last.least.runs()[0].first);
      all.add({range, range});
    }
    return is_negated ? all.complement().least : all.least;
  }

  char32_t read_hex(size_t least, size_t most, std::string_view end) {
    char32_t value = 0;
    size_t n_digits = 0;
    for (; n_digits < most; ++n_digits, ++pos_) {
      const char c = peek();
      const bool is_digit = c >= '0' && c <= '9', is_lower = c >= 'a' && c <= 'f', is_upper = c >= 'A' && c <= 'F';
      if (!is_digit && !is_lower && !is_upper) break;
      value = value * 16 + static_cast<char32_t>(is_digit ? c - '0' : is_lower ? c - 'a' + 10 : c - 'A' + 10);
    }
    if (n_digits < least || !skip(end)) fail("hexadecimal digits are missing");
    if (value > CodePointSet::kLast || (value >= 0xD800 && value <= 0xDFFF)) fail("is no character");
    return value;
  }

  PatternClass read_property(bool is_negated) {
    const size_t end = pattern_.find('}', pos_);
    if (!skip("{") || end == pattern_.npos) fail("a property is \\p{Name}");
    std::string_view name = pattern_.substr(pos_, end - pos_);
    pos_ = end + 1;
    if (const size_t equals = name.find('='); equals != name.npos) name = name.substr(equals + 1);
    const auto set = find_property(name);
    if (!set) fail("the property '" + std::string(name) + "' is not known");
    const PatternClass found = {*set, *set};
    return is_negated ? found.complement() : found;
  }

  // Behind the backslash.
  PatternClass read_escape(bool in_brackets) {
    if (at_end()) fail("nothing follows '\\'");
    const char letter = pattern_[pos_];
    if (static_cast<uint8_t>(letter) >= 0x80) return read_literal();
    ++pos_;
    if (const auto found = find_pattern_class(letter)) return *found;
    switch (letter) {
      case 't':
        return only('\t');
      case 'n':
        return only('\n');
      case 'r':
        return only('\r');
      case 'v':
        return only('\v');
      case 'f':
        return only('\f');
      case '0':
        return only(0);
      case 'x':
        return only(read_hex(2, 2, ""));
      case 'u':
        return only(skip("{") ? read_hex(1, 6, "}") : read_hex(4, 4, ""));
      case 'p':
      case 'P':
        return read_property(letter == 'P');
      default:
        break;
    }
    if (letter == 'b' && in_brackets) return only('\b');
    const bool is_word =
        (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '1' && letter <= '9');
    if (is_word) fail(std::string("'\\") + letter + "' cannot be enforced");
    return only(static_cast<char32_t>(letter));
  }

  std::string_view pattern_;
  Rules& rules_;
  JsonText& text_;
  const SchemaPath& path_;
  size_t pos_ = 0;
};

}  // namespace

ExpressionId read_pattern(std::string_view pattern, Lengths lengths, Rules& rules, JsonText& text,
                          const SchemaPath& path) {
  return Reader(pattern, rules, text, path).read(lengths);
}

}  // namespace tidemill::grammar
