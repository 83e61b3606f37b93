#include "text/regex/regex_brackets.h"

#include "text/unicode/code_points.h"
#include "text/unicode/digit.h"
#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr int kMaxNesting = 30;

char32_t checked(PatternReader& reader, uint32_t value) {
  if (value > CodePointSet::kLast || (0xD800 <= value && value < 0xE000)) reader.fail("a code point is no character");
  return value;
}

// Up to `max_digits` hexadecimal digits, at least one.
uint32_t read_hex(PatternReader& reader, int max_digits) {
  uint32_t value = 0;
  int n = 0;
  for (; n < max_digits && digit_value(reader.peek()) >= 0; ++n, reader.advance(1)) {
    value = value * 16 + static_cast<uint32_t>(digit_value(reader.peek()));
  }
  if (n == 0) reader.fail("hexadecimal digits are missing");
  return value;
}

// \xHH are bytes of UTF-8 where they are not ASCII.
char32_t read_bytes(PatternReader& reader) {
  std::string bytes(1, static_cast<char>(read_hex(reader, 2)));
  while (bytes.size() < utf8_size(bytes[0]) && reader.skip("\\x")) bytes += static_cast<char>(read_hex(reader, 2));
  if (!is_utf8(bytes) || bytes.size() != utf8_size(bytes[0])) reader.fail("bytes written as \\x are not UTF-8");
  size_t pos = 0;
  return next_code_point(bytes, pos);
}

char32_t read_octal(PatternReader& reader) {
  uint32_t value = 0;
  for (int n = 0; n < 3 && '0' <= reader.peek() && reader.peek() <= '7'; ++n, reader.advance(1)) {
    value = value * 8 + static_cast<uint32_t>(reader.peek() - '0');
  }
  return checked(reader, value);
}

char32_t read_braced(PatternReader& reader) {
  reader.advance(1);
  const uint32_t value = read_hex(reader, 8);
  if (!reader.skip("}")) reader.fail("'}' is missing");
  return checked(reader, value);
}

CodePointSet read_property(PatternReader& reader, bool negated) {
  reader.advance(1);
  if (reader.skip("^")) negated = !negated;
  const std::string_view name = reader.until('}');
  const auto set = find_property(name);
  if (!set) reader.fail("the property '" + std::string(name) + "' is not known");
  return negated ? set->complement() : *set;
}

std::optional<char32_t> control_character(char letter) {
  switch (letter) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case 'f':
      return '\f';
    case 'v':
      return '\v';
    case 'a':
      return '\a';
    case 'e':
      return 0x1B;
    default:
      return {};
  }
}

// One item of a bracket expression: a single character, which may begin a range, or more.
struct Item {
  CodePointSet set;
  std::optional<char32_t> character;
};

CodePointSet read_nested(PatternReader& reader, int depth);

Item read_item(PatternReader& reader, int depth) {
  if (reader.starts_with("[:")) {
    const std::string_view rest = reader.rest().substr(2);
    const size_t end = rest.find(":]");
    if (end != rest.npos) {
      const bool negated = rest.starts_with("^");
      if (const auto set = find_posix_class(rest.substr(negated, end - negated))) {
        reader.advance(2 + end + 2);
        return {negated ? set->complement() : *set, {}};
      }
    }
  }
  if (reader.skip("[")) return {read_nested(reader, depth + 1), {}};
  if (!reader.skip("\\")) {
    const char32_t c = reader.next();
    return {{c, c}, c};
  }
  if (reader.skip("b")) return {{'\b', '\b'}, '\b'};
  Escaped escaped = read_escape(reader, Brackets::inside);
  if (escaped.set) return {std::move(*escaped.set), {}};
  if (!escaped.character) reader.fail(std::string("\\") + escaped.other + " has no place in brackets");
  return {{*escaped.character, *escaped.character}, escaped.character};
}

CodePointSet read_nested(PatternReader& reader, int depth) {
  if (depth > kMaxNesting) reader.fail("brackets are nested too deeply");
  const bool negated = reader.skip("^");
  CodePointSet current;
  std::optional<CodePointSet> left;  // of &&
  for (bool first = true; first || !reader.starts_with("]"); first = false) {
    if (reader.skip("&&")) {
      left = left ? left->intersection(current) : current;
      current = {};
      continue;
    }
    const Item item = read_item(reader, depth);
    const bool range = item.character && reader.starts_with("-") && reader.rest().size() > 1 && reader.rest()[1] != ']';
    if (!range) {
      current.add(item.set);
      continue;
    }
    reader.advance(1);
    const Item last = read_item(reader, depth);
    if (!last.character) {  // the '-' was one
      current.add(item.set);
      current.add({'-', '-'});
      current.add(last.set);
      continue;
    }
    if (*last.character < *item.character) reader.fail("a range in brackets is empty");
    current.add({*item.character, *last.character});
  }
  reader.advance(1);
  if (left) current = left->intersection(current);
  return negated ? current.complement() : current;
}

}  // namespace

bool PatternReader::skip(std::string_view text) {
  if (!starts_with(text)) return false;
  pos_ += text.size();
  return true;
}

char32_t PatternReader::next() {
  if (at_end()) fail("it ends too early");
  return next_code_point(pattern_, pos_);
}

std::string_view PatternReader::until(char end) {
  const size_t size = rest().find(end);
  if (size == std::string_view::npos) fail(std::string("'") + end + "' is missing");
  const std::string_view found = rest().substr(0, size);
  advance(size + 1);
  return found;
}

void PatternReader::fail(const std::string& why) const {
  throw Error(ErrorCode::bad_file, where_ + ": the regular expression '" + std::string(pattern_.substr(0, 100)) +
                                       "' is malformed: " + why + "; get the file again");
}

void PatternReader::fail_unsupported(const std::string& what) const {
  throw Error(ErrorCode::unsupported, where_ + ": the regular expression '" + std::string(pattern_.substr(0, 100)) +
                                          "' has " + what + "; write it without");
}

Escaped read_escape(PatternReader& reader, Brackets brackets) {
  if (reader.at_end()) reader.fail("it ends with a backslash");
  const char letter = reader.peek();
  if ((letter == 'p' || letter == 'P') && reader.rest().size() > 1 && reader.rest()[1] == '{') {
    reader.advance(1);
    return {.set = read_property(reader, letter == 'P'), .character = {}};
  }
  if (letter == '0' || (brackets == Brackets::inside && '1' <= letter && letter <= '7')) {
    return {.set = {}, .character = read_octal(reader)};
  }
  const char32_t c = reader.next();
  if (auto set = find_shorthand(letter, brackets)) return {.set = std::move(set), .character = {}};
  if (const auto control = control_character(letter)) return {.set = {}, .character = control};
  if (letter == 'x') return {.set = {}, .character = reader.peek() == '{' ? read_braced(reader) : read_bytes(reader)};
  if (letter == 'u') return {.set = {}, .character = checked(reader, read_hex(reader, 4))};
  constexpr std::string_view kOthers = "123456789bBRXNOKAzZGkgyYcCM";
  if (kOthers.find(letter) != kOthers.npos) return {.set = {}, .character = {}, .other = letter};
  return {.set = {}, .character = c};
}

CodePointSet read_brackets(PatternReader& reader) {
  return read_nested(reader, 0);
}

}  // namespace tidemill
