// Python's format(value, spec), of which the other ways to format are made.
// https://docs.python.org/3/library/string.html#format-specification-mini-language
#pragma once

#include <string>
#include <string_view>

#include "text/jinja/value.h"

namespace tidemill::jinja {

struct FormatSpec {
  std::string fill = " ";  // one character
  char align = 0;          // '<', '>', '^', '='; 0: as the type likes it
  bool zeros = false;      // fill numbers with zeros behind the sign, unless aligned otherwise
  char sign = '-';         // '+' or ' ': also before positive numbers
  bool alternate = false;  // '#': a prefix tells the base
  char grouping = 0;       // ',' or '_' between groups of digits
  int64_t width = 0;       // characters
  int64_t precision = -1;  // -1: not given
  char type = 0;           // 0: not given
};

// Largest width and precision that are taken.
inline constexpr int64_t kMaxFormatNumber = 100'000;

FormatSpec parse_format_spec(std::string_view text);

// format(value, spec).  Throws Failure(value) where Python raises.
std::string format_value(Runtime& runtime, const Value& value, std::string_view spec);

// Digits of a float for type e, f, g, E, F, G or %: without sign.
std::string float_digits(double magnitude, char type, int64_t precision, bool alternate);
// Digits of a whole number for type d, x, X, o or b: without sign and prefix.
std::string int_digits(uint64_t magnitude, char type);
// "0x", "0o", "0b" or nothing.
std::string base_prefix(char type);

// Sign, prefix and digits, filled up to the width.
std::string assemble_number(bool negative, const std::string& prefix, const std::string& digits,
                            const FormatSpec& spec);
// A text filled up to the width, on the left side unless the spec says otherwise.
std::string assemble_text(std::string text, const FormatSpec& spec);

}  // namespace tidemill::jinja
