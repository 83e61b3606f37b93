// Tests: src/text/readers/json_cursor_test.cpp.
#include "text/readers/json_cursor.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr int kMaxDepth = 128;  // as serde_json

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

void append_utf8(uint32_t c, std::string& text) {
  if (c < 0x80) {
    text += static_cast<char>(c);
  } else if (c < 0x800) {
    text += {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
  } else if (c < 0x10000) {
    text += {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3F)),
             static_cast<char>(0x80 | (c & 0x3F))};
  } else {
    text += {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 0x3F)),
             static_cast<char>(0x80 | (c >> 6 & 0x3F)), static_cast<char>(0x80 | (c & 0x3F))};
  }
}

// True when one of eight bytes is a quote, a backslash or below 0x20 ("Determine if a word has a byte less than n",
// Anderson, Bit Twiddling Hacks).  May also be true for bytes from 0x80 on, never wrongly false.
bool has_string_end(uint64_t word) {
  constexpr uint64_t kOnes = 0x0101010101010101u;
  constexpr uint64_t kHighs = 0x8080808080808080u;
  const auto zero_byte = [](uint64_t x) { return (x - kOnes) & ~x & kHighs; };
  return (zero_byte(word ^ (kOnes * '"')) | zero_byte(word ^ (kOnes * '\\')) |
          ((word - kOnes * 0x20) & ~word & kHighs)) != 0;
}

}  // namespace

JsonCursor::JsonCursor(std::string_view text, std::string source) : text_(text), source_(std::move(source)) {}

void JsonCursor::fail(const std::string& why) const {
  throw Error(ErrorCode::bad_file, source_ + ": " + why + " at byte " + std::to_string(pos_) +
                                       "; get the file again from where it was published");
}

// The next character that is not white space, which is not consumed; '\0' at the end.
char JsonCursor::skip_white_space() {
  // Files for people begin their lines with many spaces.
  constexpr uint64_t kSpaces = 0x2020202020202020u;
  if (pos_ < text_.size() && is_space(text_[pos_])) ++pos_;
  for (uint64_t word = kSpaces; pos_ + 8 <= text_.size(); pos_ += 8) {
    std::memcpy(&word, text_.data() + pos_, 8);
    if (word != kSpaces) break;
  }
  while (pos_ < text_.size() && is_space(text_[pos_])) ++pos_;
  return pos_ < text_.size() ? text_[pos_] : '\0';
}

void JsonCursor::expect(char c) {
  if (next_character() != c) fail(std::string("'") + c + "' is expected");
  ++pos_;
}

void JsonCursor::open(char c) {
  expect(c);
  if (++depth_ > kMaxDepth) fail("values are nested more than " + std::to_string(kMaxDepth) + " deep");
}

bool JsonCursor::close_if(char c) {
  if (next_character() != c) return false;
  ++pos_;
  --depth_;
  return true;
}

// True when a comma announces another value, false when `end` closes the list.
bool JsonCursor::next_of(char end) {
  if (close_if(end)) return false;
  if (next_character() != ',') fail(std::string("',' or '") + end + "' is expected");
  ++pos_;
  return true;
}

JsonCursor::Kind JsonCursor::peek() {
  switch (const char c = next_character()) {
    case '{':
      return Kind::object;
    case '[':
      return Kind::array;
    case '"':
      return Kind::string;
    case 't':
    case 'f':
      return Kind::boolean;
    case 'n':
      return Kind::null;
    default:
      if (c != '-' && !is_digit(c)) fail("a value is expected");
      return Kind::number;
  }
}

JsonCursor::Kind JsonCursor::enter_first_member() {
  open('{');
  read_string();
  expect(':');
  return peek();
}

// Where the string that begins at pos_ ends: its first quote or escape, or a character that must not be there.
size_t JsonCursor::string_end() {
  size_t end = pos_;
  for (; end + 8 <= text_.size(); end += 8) {
    uint64_t word;
    std::memcpy(&word, text_.data() + end, 8);
    if (has_string_end(word)) break;
  }
  while (end < text_.size() && text_[end] != '"' && text_[end] != '\\' && static_cast<uint8_t>(text_[end]) >= 0x20)
    ++end;
  return end;
}

std::string_view JsonCursor::read_string() {
  expect('"');
  const size_t begin = pos_;
  bool escaped = false;
  while (true) {
    pos_ = string_end();
    if (pos_ >= text_.size()) fail("a string is not closed");
    if (text_[pos_] == '"') break;
    if (text_[pos_] != '\\') fail("a string has a control character");
    escaped = true;
    pos_ += 2;
    if (pos_ > text_.size()) fail("a string is not closed");
  }
  const std::string_view text = text_.substr(begin, pos_ - begin);
  ++pos_;
  return escaped ? unescape(text) : text;
}

uint32_t JsonCursor::read_hex(std::string_view escaped, size_t at) const {
  uint32_t value = 0;
  const char* const begin = escaped.data() + at;
  const bool whole = at + 4 <= escaped.size();
  if (!whole || std::from_chars(begin, begin + 4, value, 16).ptr != begin + 4) fail("a \\u escape lacks four digits");
  return value;
}

std::string_view JsonCursor::unescape(std::string_view escaped) {
  std::string& text = unescaped_.emplace_back();
  for (size_t at = 0; at < escaped.size();) {
    if (escaped[at] != '\\') {
      const size_t end = std::min(escaped.find('\\', at), escaped.size());
      text.append(escaped.substr(at, end - at));
      at = end;
      continue;
    }
    static constexpr std::string_view kLetters = "\"\\/bfnrtu";
    static constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const size_t letter = kLetters.find(escaped[at + 1]);
    if (letter == kLetters.npos) fail("a string has an unknown escape");
    at += 2;
    if (letter < kMeanings.size()) {
      text += kMeanings[letter];
      continue;
    }
    uint32_t c = read_hex(escaped, at);
    at += 4;
    if (c >= 0xD800 && c < 0xDC00 && escaped.substr(at, 2) == "\\u") {
      const uint32_t low = read_hex(escaped, at + 2);
      if (low >= 0xDC00 && low < 0xE000) {
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        at += 6;
      }
    }
    if (c >= 0xD800 && c < 0xE000) fail("a \\u escape is half a character");
    append_utf8(c, text);
  }
  return text;
}

int64_t JsonCursor::read_integer() {
  if (peek() != Kind::number) fail("an integer is expected");
  int64_t value = 0;
  const char* const begin = text_.data() + pos_;
  const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
  pos_ += static_cast<size_t>(end - begin);
  const bool goes_on = pos_ < text_.size() && (text_[pos_] == '.' || text_[pos_] == 'e' || text_[pos_] == 'E');
  if (error != std::errc() || goes_on) fail("an integer is expected");
  return value;
}

double JsonCursor::read_number() {
  if (peek() != Kind::number) fail("a number is expected");
  const auto at = [this] { return pos_ < text_.size() ? text_[pos_] : '\0'; };
  const bool negative = at() == '-';
  if (negative) ++pos_;
  uint64_t digits = 0;  // those that fit; the rest only scale
  int64_t exponent = 0;
  const auto read_digits = [&](bool fraction) {
    if (!is_digit(at())) fail("a digit is expected");
    for (; is_digit(at()); ++pos_) {
      const auto digit = static_cast<uint64_t>(at() - '0');
      const bool fits = digits < UINT64_MAX / 10 || (digits == UINT64_MAX / 10 && digit <= UINT64_MAX % 10);
      if (fits) digits = digits * 10 + digit;
      if (fits && fraction) --exponent;
      if (!fits && !fraction) ++exponent;
    }
  };
  read_digits(false);
  if (at() == '.') ++pos_, read_digits(true);
  if (at() == 'e' || at() == 'E') {
    ++pos_;
    if (at() == '+') ++pos_;
    int32_t power = 0;
    const char* const begin = text_.data() + pos_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), power);
    if (error != std::errc()) fail("a number has no valid exponent");
    pos_ += static_cast<size_t>(end - begin);
    exponent += power;
  }
  double value = static_cast<double>(digits);
  for (; exponent < -308 && value != 0; exponent += 308) value /= 1e308;
  if (value != 0 && exponent > 308) fail("a number is too large");
  const double power = exponent < -308 ? 1 : std::pow(10.0, static_cast<double>(std::abs(exponent)));
  value = exponent >= 0 ? value * power : value / power;
  if (std::isinf(value)) fail("a number is too large");
  return negative ? -value : value;
}

void JsonCursor::skip_word(std::string_view word) {
  if (text_.substr(pos_, word.size()) != word) fail("a value is expected");
  pos_ += word.size();
}

bool JsonCursor::read_boolean() {
  if (peek() != Kind::boolean) fail("true or false is expected");
  const bool value = text_[pos_] == 't';
  skip_word(value ? "true" : "false");
  return value;
}

void JsonCursor::skip_null() {
  if (peek() != Kind::null) fail("null is expected");
  skip_word("null");
}

std::string_view JsonCursor::skip() {
  next_character();
  const size_t begin = pos_;
  std::string closers;  // what the open lists wait for
  do {
    const char c = next_character();
    if (c == '{' || c == '[') {
      closers += c == '{' ? '}' : ']';
      if (depth_ + std::ssize(closers) > kMaxDepth)
        fail("values are nested more than " + std::to_string(kMaxDepth) + " deep");
      ++pos_;
    } else if (!closers.empty() && c == closers.back()) {
      closers.pop_back();
      ++pos_;
    } else if (c == '"') {
      read_string();
    } else if (!closers.empty() && (c == ',' || c == ':')) {
      ++pos_;
    } else if (peek() == Kind::number) {
      read_number();
    } else {
      skip_word(c == 't' ? "true" : c == 'f' ? "false" : "null");
    }
  } while (!closers.empty());
  return text_.substr(begin, pos_ - begin);
}

void JsonCursor::finish() {
  if (next_character() != '\0' || pos_ < text_.size()) fail("something follows the end of the JSON text");
}

}  // namespace tidemill
