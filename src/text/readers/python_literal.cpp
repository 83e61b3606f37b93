#include "text/readers/python_literal.h"

#include <cstdint>

#include "text/unicode/code_points.h"
#include "text/unicode/digit.h"

namespace tidemill {
namespace {

// What a backslash and a letter stand for; 0 when nothing of one character.
char simple_escape(char letter) {
  switch (letter) {
    case '\\':
    case '\'':
    case '"':
      return letter;
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    default:
      return 0;
  }
}

class Literal {
 public:
  Literal(std::string_view body, char quote, bool is_bytes) : rest_(body), quote_(quote), is_bytes_(is_bytes) {}

  std::optional<std::string> read() {
    while (!rest_.empty()) {
      const char c = take();
      if (c == quote_ || c == '\n' || (is_bytes_ && static_cast<uint8_t>(c) >= 0x80)) return {};
      if (c != '\\') {
        result_ += c;
      } else if (!escape()) {
        return {};
      }
    }
    return std::move(result_);
  }

 private:
  char take() {
    const char c = rest_[0];
    rest_.remove_prefix(1);
    return c;
  }

  bool escape() {
    if (rest_.empty()) return false;
    if (digit_value(rest_[0], 8) >= 0) return number(8, 1, 3);
    const char letter = take();
    if (const char simple = simple_escape(letter)) {
      result_ += simple;
      return true;
    }
    if (letter == 'x') return number(16, 2, 2);
    if (letter == 'u' && !is_bytes_) return number(16, 4, 4);
    if (letter == 'U' && !is_bytes_) return number(16, 8, 8);
    return false;
  }

  bool number(int base, int min_digits, int max_digits) {
    uint32_t value = 0;
    int n_digits = 0;
    for (; n_digits < max_digits && !rest_.empty() && digit_value(rest_[0], base) >= 0; ++n_digits) {
      value = value * static_cast<uint32_t>(base) + static_cast<uint32_t>(digit_value(take(), base));
    }
    return n_digits >= min_digits && append(value);
  }

  bool append(uint32_t value) {
    if (is_bytes_) {
      if (value > 0xFF) return false;
      result_ += static_cast<char>(value);
      return true;
    }
    const bool is_surrogate = 0xD800 <= value && value < 0xE000;
    if (is_surrogate || value > 0x10FFFF) return false;
    append_code_point(result_, value);
    return true;
  }

  std::string_view rest_;
  char quote_;
  bool is_bytes_;
  std::string result_;
};

}  // namespace

std::optional<std::string> read_python_literal(std::string_view text) {
  const bool is_bytes = text.starts_with('b') || text.starts_with('B');
  if (is_bytes) text.remove_prefix(1);
  if (text.size() < 2 || (text[0] != '\'' && text[0] != '"') || text.back() != text[0]) return {};
  return Literal(text.substr(1, text.size() - 2), text[0], is_bytes).read();
}

}  // namespace tidemill
