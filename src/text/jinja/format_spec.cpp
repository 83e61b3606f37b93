#include "text/jinja/format_spec.h"

#include <charconv>
#include <cmath>

#include "text/jinja/numbers.h"
#include "text/jinja/operators.h"
#include "text/jinja/unicode.h"

namespace tidemill::jinja {
namespace {

bool is_align(char byte) {
  return byte == '<' || byte == '>' || byte == '^' || byte == '=';
}

int64_t take_number(std::string_view text, size_t& position) {
  int64_t number = 0;
  while (position < text.size() && text[position] >= '0' && text[position] <= '9') {
    number = number * 10 + (text[position++] - '0');
    if (number > kMaxFormatNumber) fail_limit("a width or precision above " + std::to_string(kMaxFormatNumber));
  }
  return number;
}

std::string repeat(const std::string& fill, int64_t count) {
  const auto n_times = static_cast<size_t>(std::max<int64_t>(count, 0));
  if (fill.size() == 1) return std::string(n_times, fill[0]);
  std::string out;
  out.reserve(n_times * fill.size());
  for (size_t k = 0; k < n_times; ++k) out += fill;
  return out;
}

// Digits before the point.
size_t count_whole(const std::string& digits) {
  return std::min(digits.find_first_not_of("0123456789abcdefABCDEF"), digits.size());
}

std::string group(const std::string& digits, char separator, size_t group_size) {
  const size_t n_whole = count_whole(digits);
  std::string out;
  for (size_t k = 0; k < n_whole; ++k) {
    if (k != 0 && (n_whole - k) % group_size == 0) out += separator;
    out += digits[k];
  }
  return out + digits.substr(n_whole);
}

size_t sign_size(bool negative, const FormatSpec& spec) {
  return negative || spec.sign != '-' ? 1 : 0;
}

// With separators, also between the zeros that fill it up to the width.
std::string grouped(const std::string& digits, const FormatSpec& spec, size_t group_size, size_t n_before) {
  const bool fills = spec.zeros || (spec.align == '=' && spec.fill == "0");
  const size_t n_whole = count_whole(digits), n_behind = digits.size() - n_whole;
  size_t n_wanted = n_whole;
  const auto size = [&] { return static_cast<int64_t>(n_before + n_wanted + (n_wanted - 1) / group_size + n_behind); };
  while (fills && n_wanted > 0 && size() < spec.width) ++n_wanted;
  return group(std::string(n_wanted - n_whole, '0') + digits, spec.grouping, group_size);
}

std::string format_int(const Value& value, FormatSpec spec) {
  const int64_t number = value.as_int();
  if (spec.type == 'c') {
    std::string character;
    if (number < 0 || number > 0x10FFFF || (number >= 0xD800 && number < 0xE000))
      fail_value("%c arg not in range(0x110000)");
    append_code_point(character, static_cast<char32_t>(number));
    return assemble_text(character, spec);
  }
  if (spec.precision >= 0) fail_value("Precision not allowed in integer format specifier");
  const char type = spec.type == 0 || spec.type == 'n' ? 'd' : spec.type;
  const uint64_t magnitude = number < 0 ? uint64_t{0} - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
  std::string digits = int_digits(magnitude, type);
  const std::string prefix = spec.alternate ? base_prefix(type) : "";
  if (spec.grouping != 0) {
    if (spec.type == 'n' || (spec.grouping == ',' && type != 'd'))
      fail_value(std::string("Cannot specify '") + spec.grouping + "' with '" + spec.type + "'.");
    digits = grouped(digits, spec, type == 'd' ? 3 : 4, sign_size(number < 0, spec) + prefix.size());
  }
  return assemble_number(number < 0, prefix, digits, spec);
}

// No type: like repr, but with `precision` digits when one is given.
std::string plain_float_digits(double magnitude, int64_t precision) {
  if (precision < 0 || !std::isfinite(magnitude)) return float_repr(magnitude);
  const int64_t n_digits = std::max<int64_t>(precision, 1);
  const std::string scientific = float_digits(magnitude, 'e', n_digits - 1, false);
  const int exponent = std::stoi(scientific.substr(scientific.find('e') + 1));
  if (exponent >= n_digits - 1 && magnitude != 0) {
    std::string mantissa = scientific.substr(0, scientific.find('e'));
    if (mantissa.find('.') != std::string::npos) {
      mantissa.erase(mantissa.find_last_not_of('0') + 1);
      if (mantissa.back() == '.') mantissa.pop_back();
    }
    return mantissa + scientific.substr(scientific.find('e'));
  }
  std::string digits = float_digits(magnitude, 'g', n_digits, false);
  return digits.find_first_of(".e") == std::string::npos ? digits + ".0" : digits;
}

std::string format_float(double number, const FormatSpec& spec) {
  const double magnitude = std::fabs(number);
  std::string digits;
  if (spec.type == 0)
    digits = plain_float_digits(magnitude, spec.precision);
  else
    digits = float_digits(magnitude, spec.type == 'n' ? 'g' : spec.type, spec.precision, spec.alternate);
  const bool negative = std::signbit(number) && !std::isnan(number);
  if (spec.grouping != 0 && std::isfinite(number)) digits = grouped(digits, spec, 3, sign_size(negative, spec));
  return assemble_number(negative, "", digits, spec);
}

std::string format_text(Runtime& runtime, const Value& value, const FormatSpec& spec) {
  if (spec.type != 0 && spec.type != 's')
    fail_value(std::string("Unknown format code '") + spec.type + "' for object of type 'str'");
  if (spec.align == '=') fail_value("'=' alignment not allowed in string format specifier");
  if (spec.sign != '-') fail_value("Sign not allowed in string format specifier");
  if (spec.alternate) fail_value("Alternate form (#) not allowed in string format specifier");
  if (spec.grouping != 0) fail_value(std::string("Cannot specify '") + spec.grouping + "' with 's'.");
  std::string text = to_text(runtime, value);
  if (spec.precision >= 0) text.resize(byte_offset(text, static_cast<size_t>(spec.precision)));
  return assemble_text(std::move(text), spec);
}

}  // namespace

FormatSpec parse_format_spec(std::string_view text) {
  FormatSpec spec;
  size_t position = 0;
  size_t behind_first = 0;
  if (!text.empty()) next_code_point(text, behind_first);
  const bool has_fill = behind_first < text.size() && is_align(text[behind_first]);
  if (has_fill) {
    spec.fill = text.substr(0, behind_first);
    spec.align = text[behind_first];
    position = behind_first + 1;
  } else if (!text.empty() && is_align(text[0])) {
    spec.align = text[position++];
  }
  const auto at = [&](const char* wanted) {
    return position < text.size() && std::string_view(wanted).find(text[position]) != std::string_view::npos;
  };
  if (at("+- ")) spec.sign = text[position++];
  if (at("#")) spec.alternate = ++position != 0;
  if (at("0")) {
    ++position;
    if (!has_fill) spec.fill.assign(1, '0');
    spec.zeros = !has_fill && spec.align == 0;
  }
  spec.width = take_number(text, position);
  if (at(",_")) spec.grouping = text[position++];
  if (at(".")) {
    ++position;
    if (!at("0123456789")) fail_value("Format specifier missing precision");
    spec.precision = take_number(text, position);
  }
  if (position < text.size()) spec.type = text[position++];
  if (position < text.size()) fail_value("Invalid format specifier '" + std::string(text) + "'");
  return spec;
}

std::string format_value(Runtime& runtime, const Value& value, std::string_view spec_text) {
  if (spec_text.empty()) return to_text(runtime, value);
  if (!value.is_string() && !value.is_number())
    fail_value("unsupported format string passed to " + value.type_name() + ".__format__");
  const FormatSpec spec = parse_format_spec(spec_text);
  runtime.spend_characters(static_cast<size_t>(spec.width));
  if (value.is_string()) return format_text(runtime, value, spec);
  constexpr std::string_view kIntTypes = "bcdoxXn", kFloatTypes = "eEfFgG%";
  const bool has_type = spec.type != 0;
  if (value.is_integral() && (!has_type || kIntTypes.find(spec.type) != std::string_view::npos))
    return format_int(value, spec);
  if (has_type && spec.type != 'n' && kFloatTypes.find(spec.type) == std::string_view::npos)
    fail_value(std::string("Unknown format code '") + spec.type + "' for object of type '" + value.type_name() + "'");
  return format_float(value.as_float(), spec);
}

std::string float_digits(double magnitude, char type, int64_t precision, bool alternate) {
  if (alternate) fail_value("the alternate form (#) of floats is not supported");
  if (precision > 400) fail_limit("a precision above 400");
  const bool upper = type == 'E' || type == 'F' || type == 'G';
  if (std::isnan(magnitude)) return upper ? "NAN" : "nan";
  if (std::isinf(magnitude)) return upper ? "INF" : "inf";
  if (type == '%') magnitude *= 100;
  const char kind = static_cast<char>(type == '%' ? 'f' : type | 0x20);
  const auto format = kind == 'e'   ? std::chars_format::scientific
                      : kind == 'f' ? std::chars_format::fixed
                                    : std::chars_format::general;
  char buffer[800];  // 309 digits before the point, at most 400 behind it
  const int n_digits = precision < 0 ? 6 : static_cast<int>(precision);
  std::string digits(buffer, std::to_chars(buffer, buffer + sizeof(buffer), magnitude, format, n_digits).ptr);
  if (upper)
    for (char& byte : digits) byte = static_cast<char>(byte >= 'a' ? byte - 32 : byte);
  return type == '%' ? digits + "%" : digits;
}

std::string int_digits(uint64_t magnitude, char type) {
  const int base = type == 'x' || type == 'X' ? 16 : type == 'o' ? 8 : type == 'b' ? 2 : 10;
  char buffer[64];
  std::string digits(buffer, std::to_chars(buffer, buffer + sizeof(buffer), magnitude, base).ptr);
  if (type == 'X')
    for (char& byte : digits) byte = static_cast<char>(byte >= 'a' ? byte - 32 : byte);
  return digits;
}

std::string base_prefix(char type) {
  return type == 'x' || type == 'X' || type == 'o' || type == 'b' ? std::string("0") + type : "";
}

std::string assemble_number(bool negative, const std::string& prefix, const std::string& digits,
                            const FormatSpec& spec) {
  const std::string sign = negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
  const std::string head = sign + prefix;
  if (spec.zeros || spec.align == '=') {
    const auto n_used = static_cast<int64_t>(head.size() + digits.size());
    return head + repeat(spec.fill, spec.width - n_used) + digits;
  }
  FormatSpec right = spec;
  if (right.align == 0) right.align = '>';
  return assemble_text(head + digits, right);
}

std::string assemble_text(std::string text, const FormatSpec& spec) {
  const int64_t n_missing = spec.width - static_cast<int64_t>(count_characters(text));
  if (n_missing <= 0) return text;
  const int64_t n_left = spec.align == '>' ? n_missing : spec.align == '^' ? n_missing / 2 : 0;
  return repeat(spec.fill, n_left) + text + repeat(spec.fill, n_missing - n_left);
}

}  // namespace tidemill::jinja
