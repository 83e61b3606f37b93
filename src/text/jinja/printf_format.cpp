#include "text/jinja/printf_format.h"

#include <cmath>

#include "text/jinja/format_spec.h"
#include "text/jinja/numbers.h"
#include "text/jinja/operators.h"
#include "text/jinja/unicode.h"

namespace tidemill::jinja {
namespace {

class Printf {
 public:
  Printf(Runtime& runtime, const Value& format, const Value& values)
      : runtime_(runtime), text_(format.text()), values_(values), escapes_(format.is_markup()), out_(runtime) {}

  Value run() {
    while (position_ < text_.size()) {
      const size_t percent = std::min(text_.find('%', position_), text_.size());
      out_ += text_.substr(position_, percent - position_);
      position_ = percent;
      if (position_ < text_.size()) {
        ++position_;
        conversion();
      }
    }
    const size_t n_given = values_.is_tuple() ? values_.items().size() : 1;
    const bool may_be_left = values_.is_dict() || values_.is_list() || values_.is_undefined() || used_by_name_;
    if (n_used_ < n_given && !may_be_left) fail_value("not all arguments converted during string formatting");
    return make_string(runtime_, out_, escapes_);
  }

 private:
  char peek() const {
    if (position_ >= text_.size()) fail_value("incomplete format");
    return text_[position_];
  }

  const Value& next_value() {
    if (values_.is_tuple()) {
      if (n_used_ >= values_.items().size()) fail_value("not enough arguments for format string");
      return values_.items()[n_used_++];
    }
    if (n_used_++ > 0) fail_value("not enough arguments for format string");
    return values_;
  }

  const Value& named_value() {
    const size_t end = text_.find(')', position_);
    if (end == std::string_view::npos) fail_value("incomplete format key");
    if (!values_.is_dict()) fail_value("format requires a mapping");
    const std::string_view name = text_.substr(position_ + 1, end - position_ - 1);
    position_ = end + 1;
    const Value* found = values_.dict().find(name);
    if (found == nullptr) fail_value("there is no key '" + std::string(name) + "' to format");
    used_by_name_ = true;
    return *found;
  }

  int64_t number() {
    int64_t value = 0;
    if (peek() == '*') {
      ++position_;
      const Value& given = next_value();
      if (!given.is_integral()) fail_value("* wants int");
      value = given.as_int();
    }
    while (peek() >= '0' && peek() <= '9' && value <= kMaxFormatNumber) value = value * 10 + (text_[position_++] - '0');
    if (value > kMaxFormatNumber || value < -kMaxFormatNumber)
      fail_limit("a width or precision above " + std::to_string(kMaxFormatNumber));
    return value;
  }

  // Flags, width and precision.
  FormatSpec spec() {
    FormatSpec spec;
    bool left = false, zero = false;
    for (;; ++position_) {
      const char flag = peek();
      if (flag == '-')
        left = true;
      else if (flag == '0')
        zero = true;
      else if (flag == '+')
        spec.sign = '+';
      else if (flag == ' ')
        spec.sign = spec.sign == '+' ? '+' : ' ';
      else if (flag == '#')
        spec.alternate = true;
      else
        break;
    }
    spec.width = number();
    left = left || spec.width < 0;
    spec.width = std::abs(spec.width);
    if (peek() == '.') {
      ++position_;
      spec.precision = std::max<int64_t>(number(), 0);
    }
    while (peek() == 'h' || peek() == 'l' || peek() == 'L') ++position_;
    spec.align = left ? '<' : '>';
    zeros_ = zero && !left;
    return spec;
  }

  void conversion() {
    runtime_.step();
    const Value* value = peek() == '(' ? &named_value() : nullptr;
    const FormatSpec how = spec();
    const char type = text_[position_++];
    if (type == '%') return out_.append("%");
    if (std::string_view("diuoxXeEfFgGcsr").find(type) == std::string_view::npos)
      fail_value(std::string("unsupported format character '") + type + "'");
    if (value == nullptr) value = &next_value();
    out_ += converted(*value, how, type);
  }

  std::string converted(const Value& value, const FormatSpec& spec, char type) {
    switch (type) {
      case 's':
      case 'r':
        return converted_text(value, spec, type);
      case 'c':
        return assemble_text(converted_character(value), spec);
      case 'd':
      case 'i':
      case 'u':
      case 'o':
      case 'x':
      case 'X':
        return converted_int(value, spec, type);
      default:
        return converted_float(value, spec, type);
    }
  }

  std::string converted_text(const Value& value, const FormatSpec& spec, char type) {
    std::string text = type == 's' ? to_text(runtime_, value) : to_repr(runtime_, value);
    if (escapes_)
      text = escape_html(runtime_, type == 's' && value.is_markup() ? value : make_string(runtime_, std::move(text)));
    if (spec.precision >= 0) text.resize(byte_offset(text, static_cast<size_t>(spec.precision)));
    return assemble_text(std::move(text), spec);
  }

  static std::string converted_character(const Value& value) {
    std::string text;
    if (value.is_string() && value.string().length() == 1) return std::string(value.text());
    if (!value.is_integral()) fail_value("%c requires int or char");
    const int64_t code = value.as_int();
    if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) fail_value("%c arg not in range(0x110000)");
    append_code_point(text, static_cast<char32_t>(code));
    return text;
  }

  std::string converted_int(const Value& value, const FormatSpec& spec, char type) const {
    const bool is_decimal = type == 'd' || type == 'i' || type == 'u';
    if (!value.is_integral() && !(is_decimal && value.is_float()))
      fail_value(std::string("%") + type + " format: " + (is_decimal ? "a real number" : "an integer") +
                 " is required, not " + value.type_name());
    const int64_t number = value.is_float() ? truncate_to_int(value.as_float()) : value.as_int();
    const uint64_t magnitude = number < 0 ? uint64_t{0} - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
    std::string digits = int_digits(magnitude, is_decimal ? 'd' : type);
    const auto n_digits = static_cast<int64_t>(digits.size());
    if (spec.precision > n_digits) digits.insert(0, static_cast<size_t>(spec.precision - n_digits), '0');
    return finished(number < 0, spec.alternate ? base_prefix(type) : "", digits, spec);
  }

  std::string converted_float(const Value& value, const FormatSpec& spec, char type) const {
    if (value.is_string()) fail_value("must be real number, not str");
    if (!value.is_number()) fail_value("must be real number, not " + value.type_name());
    const double number = value.as_float();
    return finished(std::signbit(number), "", float_digits(std::fabs(number), type, spec.precision, spec.alternate),
                    spec);
  }

  std::string finished(bool negative, const std::string& prefix, const std::string& digits, FormatSpec spec) const {
    if (zeros_) spec.fill.assign(1, '0');
    spec.zeros = zeros_;
    return assemble_number(negative, prefix, digits, spec);
  }

  Runtime& runtime_;
  std::string_view text_;
  const Value& values_;
  bool escapes_;
  Text out_;
  size_t position_ = 0;
  size_t n_used_ = 0;
  bool used_by_name_ = false;
  bool zeros_ = false;  // of the conversion at hand: fill numbers with zeros
};

}  // namespace

Value printf_format(Runtime& runtime, const Value& format, const Value& values) {
  return Printf(runtime, format, values).run();
}

}  // namespace tidemill::jinja
