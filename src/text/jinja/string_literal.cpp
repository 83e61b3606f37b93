// Escapes in string literals.
//
// Jinja writes what is not ASCII as escapes and then lets Python's "unicode-escape" codec read everything; doing the
// same gives the same answer for a backslash before such a character.

#include <cstdint>

#include "text/jinja/lexer.h"
#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"
#include "text/unicode/digit.h"

namespace tidemill::jinja {
namespace {

std::string hex(char32_t value, int n_digits) {
  std::string out;
  for (int shift = 4 * (n_digits - 1); shift >= 0; shift -= 4) out += "0123456789abcdef"[(value >> shift) & 0xF];
  return out;
}

std::string to_ascii(std::string_view text) {
  std::string out;
  for (size_t position = 0; position < text.size();) {
    const char32_t character = next_code_point(text, position);
    if (character < 0x80)
      out += static_cast<char>(character);
    else if (character < 0x100)
      out += "\\x" + hex(character, 2);
    else if (character < 0x10000)
      out += "\\u" + hex(character, 4);
    else
      out += "\\U" + hex(character, 8);
  }
  return out;
}

class Unescaper {
 public:
  Unescaper(std::string_view text, int line) : text_(text), line_(line) {}

  std::string run() {
    while (position_ < text_.size()) {
      const char byte = text_[position_++];
      if (byte == '\\')
        escape();
      else
        out_ += byte;
    }
    return std::move(out_);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const { throw Failure(Cause::syntax, why, line_); }

  void append(char32_t character) {
    if (character > 0x10FFFF || (character >= 0xD800 && character < 0xE000))
      fail("the string has an escape that is no character");
    append_code_point(out_, character);
  }

  void hex_escape(int n_digits) {
    char32_t value = 0;
    for (int k = 0; k < n_digits; ++k) {
      const int next = position_ < text_.size() ? digit_value(text_[position_]) : -1;
      if (next < 0) fail("the string has an escape with too few digits");
      value = value << 4 | static_cast<char32_t>(next);
      ++position_;
    }
    append(value);
  }

  void octal_escape(char32_t value) {
    for (int k = 1; k < 3 && position_ < text_.size(); ++k, ++position_) {
      const int next = digit_value(text_[position_], 8);
      if (next < 0) break;
      value = value * 8 + static_cast<char32_t>(next);
    }
    append(value);
  }

  void escape() {
    constexpr std::string_view kLetters = "\\'\"abfnrtv", kMeanings = "\\'\"\a\b\f\n\r\t\v";
    if (position_ == text_.size()) fail("the string ends with a backslash");
    const char letter = text_[position_++];
    if (const size_t known = kLetters.find(letter); known != std::string_view::npos) {
      out_ += kMeanings[known];
    } else if (letter == 'x' || letter == 'u' || letter == 'U') {
      hex_escape(letter == 'x' ? 2 : letter == 'u' ? 4 : 8);
    } else if (const int octal = digit_value(letter, 8); octal >= 0) {
      octal_escape(static_cast<char32_t>(octal));
    } else if (letter == 'N') {
      fail("characters by name (\\N{...}) are not supported; write the character itself");
    } else if (letter != '\n') {
      out_ += '\\';
      out_ += letter;
    }
  }

  std::string_view text_;
  int line_;
  size_t position_ = 0;
  std::string out_;
};

}  // namespace

std::string unescape_literal(std::string_view literal, int line) {
  const std::string ascii = to_ascii(literal);
  return Unescaper(ascii, line).run();
}

}  // namespace tidemill::jinja
