#include "text/jinja/numbers.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"

namespace tidemill::jinja {
namespace {

std::string_view strip_spaces(std::string_view text) {
  while (!text.empty()) {
    size_t behind = 0;
    if (!is_space(next_code_point(text, behind))) break;
    text.remove_prefix(behind);
  }
  while (!text.empty()) {
    size_t begin = text.size();
    if (!is_space(previous_code_point(text, begin))) break;
    text.remove_suffix(text.size() - begin);
  }
  return text;
}

// Decimal digits of all scripts as ASCII, without spaces around.
std::string plain_digits(std::string_view text) {
  text = strip_spaces(text);
  std::string out;
  for (size_t position = 0; position < text.size();) {
    const char32_t character = next_code_point(text, position);
    if (character >= 0x80 && is_decimal(character))
      out += static_cast<char>('0' + decimal_value(character));
    else
      append_code_point(out, character);
  }
  return out;
}

int digit_value(char byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  if (byte >= 'a' && byte <= 'z') return byte - 'a' + 10;
  return byte >= 'A' && byte <= 'Z' ? byte - 'A' + 10 : 99;
}

// Takes "0x" and its like off; the base it stands for when `base` is 0 or the same, else `base`.
int take_prefix(std::string_view& text, int base) {
  if (text.size() < 2 || text[0] != '0') return base == 0 ? 10 : base;
  const char letter = static_cast<char>(text[1] | 0x20);
  const int meant = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
  if (meant == 0 || (base != 0 && base != meant)) return base == 0 ? 10 : base;
  text.remove_prefix(2);
  if (!text.empty() && text[0] == '_') text.remove_prefix(1);
  return meant;
}

// Without single underscores between digits; nothing when they are elsewhere.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string out;
  for (size_t k = 0; k < text.size(); ++k) {
    if (text[k] != '_') {
      out += text[k];
      continue;
    }
    const auto is_digit_at = [&](size_t at) { return at < text.size() && digit_value(text[at]) < 36; };
    if (k == 0 || !is_digit_at(k - 1) || !is_digit_at(k + 1)) return std::nullopt;
  }
  return out;
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return text.size() == lower.size() &&
         std::equal(text.begin(), text.end(), lower.begin(), [](char a, char b) { return (a | 0x20) == b; });
}

}  // namespace

std::string float_repr(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), number, std::chars_format::scientific).ptr;
  std::string scientific(buffer, end);
  const size_t e = scientific.find('e');
  const int exponent = std::stoi(scientific.substr(e + 1));
  if (exponent < -4 || exponent >= 16) return scientific;
  const auto fixed_end = std::to_chars(buffer, buffer + sizeof(buffer), number, std::chars_format::fixed).ptr;
  std::string fixed(buffer, fixed_end);
  return fixed.find('.') == std::string::npos ? fixed + ".0" : fixed;
}

std::optional<int64_t> parse_int(std::string_view written, int base) {
  const std::string plain = plain_digits(written);
  std::string_view text = plain;
  const bool negative = !text.empty() && text[0] == '-';
  if (negative || (!text.empty() && text[0] == '+')) text.remove_prefix(1);
  const bool guess = base == 0;
  const bool starts_with_zero = !text.empty() && text[0] == '0';
  const std::string_view before = text;
  base = take_prefix(text, base);
  const auto digits = without_underscores(text);
  if (!digits || digits->empty()) return std::nullopt;
  if (std::any_of(digits->begin(), digits->end(), [&](char byte) { return digit_value(byte) >= base; }))
    return std::nullopt;
  // int("010", 0) is refused as in Python source: only zeros may start with a zero.
  if (guess && starts_with_zero && before.size() == text.size() && digits->find_first_not_of('0') != std::string::npos)
    return std::nullopt;
  int64_t value = 0;
  for (char byte : *digits)
    if (__builtin_mul_overflow(value, base, &value) ||
        __builtin_add_overflow(value, negative ? -digit_value(byte) : digit_value(byte), &value))
      fail_value("a whole number does not fit in 64 bits");
  return value;
}

std::optional<double> parse_float(std::string_view written) {
  const std::string plain = plain_digits(written);
  std::string_view text = plain;
  const bool negative = !text.empty() && text[0] == '-';
  if (negative || (!text.empty() && text[0] == '+')) text.remove_prefix(1);
  const double sign = negative ? -1 : 1;
  if (equals_ignoring_case(text, "inf") || equals_ignoring_case(text, "infinity"))
    return sign * std::numeric_limits<double>::infinity();
  if (equals_ignoring_case(text, "nan")) return std::numeric_limits<double>::quiet_NaN();
  const auto digits = without_underscores(text);
  if (!digits || digits->empty() || !(digit_value((*digits)[0]) < 10 || (*digits)[0] == '.')) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(digits->data(), digits->data() + digits->size(), value);
  if (end != digits->data() + digits->size() || error == std::errc::invalid_argument) return std::nullopt;
  if (error == std::errc::result_out_of_range) value = std::strtod(digits->c_str(), nullptr);
  return sign * value;
}

int64_t truncate_to_int(double number) {
  if (std::isnan(number)) fail_value("cannot convert float NaN to integer");
  if (std::isinf(number)) fail_value("cannot convert float infinity to integer");
  if (number >= 9223372036854775808.0 || number < -9223372036854775808.0)
    fail_value("a whole number does not fit in 64 bits");
  return static_cast<int64_t>(number);
}

double round_to_digits(double number, int64_t digits) {
  if (!std::isfinite(number) || number == 0 || digits > 323) return number;
  if (digits < -308) return std::copysign(0.0, number);
  // Long enough for every digit before the point and 323 behind it.
  char buffer[700];
  if (digits >= 0) {
    const auto end =
        std::to_chars(buffer, buffer + sizeof(buffer), number, std::chars_format::fixed, static_cast<int>(digits)).ptr;
    std::from_chars(buffer, end, number);
    return number;
  }
  const double unit = std::pow(10.0, static_cast<double>(-digits));
  const double quotient = number / unit;
  double whole = std::round(quotient);
  if (std::fabs(quotient - whole) == 0.5) whole = 2.0 * std::round(quotient / 2.0);
  return whole * unit;
}

int64_t round_to_digits(int64_t number, int64_t digits) {
  if (digits >= 0) return number;
  if (digits < -18) return 0;
  int64_t unit = 1;
  for (int64_t k = 0; k < -digits; ++k) unit *= 10;
  int64_t rest = number % unit;
  int64_t down = number - rest;
  if (rest < 0) {
    rest += unit;
    if (__builtin_sub_overflow(down, unit, &down)) fail_value("a whole number does not fit in 64 bits");
  }
  const bool up = rest > unit - rest || (rest == unit - rest && (down / unit) % 2 != 0);
  if (up && __builtin_add_overflow(down, unit, &down)) fail_value("a whole number does not fit in 64 bits");
  return down;
}

}  // namespace tidemill::jinja
