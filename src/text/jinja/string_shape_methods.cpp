// Methods of str that change or judge its shape: case, spaces around it, width, kinds of characters, formatting.

#include <algorithm>

#include "text/jinja/arguments.h"
#include "text/jinja/format_spec.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/str_format.h"
#include "text/jinja/unicode.h"

namespace tidemill::jinja {
namespace {

template <std::string (*change)(std::string_view)>
Value changed(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters given("upper, lower, ...", {}, 0, arguments);
  runtime.spend_characters(self.text().size());
  return make_string(runtime, change(self.text()), self.is_markup());
}

enum Side { kLeft = 1, kRight = 2 };

template <int sides>
Value strip(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters given("strip", {"chars"}, 0, arguments);
  std::u32string chars;
  const bool spaces = given.find(0) == nullptr || given[0].is_none();
  for (size_t position = 0; !spaces && position < given.text(0).size();)
    chars += next_code_point(given.text(0), position);
  const auto goes = [&](char32_t character) {
    runtime.spend(1 + static_cast<int64_t>(chars.size() / 32));
    return spaces ? is_space(character) : chars.find(character) != std::u32string::npos;
  };
  const std::string_view text = self.text();
  size_t begin = 0, end = text.size();
  for (size_t behind = 0; (sides & kLeft) != 0 && begin < end && goes(next_code_point(text, behind));) begin = behind;
  for (size_t before = end; (sides & kRight) != 0 && begin < end && goes(previous_code_point(text, before));)
    end = before;
  return make_string(runtime, std::string(text.substr(begin, end - begin)), self.is_markup());
}

template <char align>
Value padded(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters given("center, ljust, rjust", {"width", "fillchar"}, 1, arguments);
  const auto size = static_cast<int64_t>(self.string().length());
  const int64_t width = given.int_or(0, 0);
  const std::string fill = given.find(1) ? std::string(given.text(1)) : " ";
  if (count_characters(fill) != 1) fail_value("The fill character must be exactly one character long");
  if (width <= size) return self;
  if (width > static_cast<int64_t>(kMaxTextBytes)) Runtime::check_text_size(kMaxTextBytes + 1);
  const int64_t n_missing = width - size;
  const int64_t n_left = align == '<' ? 0 : align == '>' ? n_missing : n_missing / 2 + (n_missing & width & 1);
  Text out(runtime);
  for (int64_t k = 0; k < n_left; ++k) out += fill;
  out += self.text();
  for (int64_t k = n_left; k < n_missing; ++k) out += fill;
  return make_string(runtime, out, self.is_markup());
}

Value zfill(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters given("zfill", {"width"}, 1, arguments);
  const std::string_view text = self.text();
  const bool has_sign = !text.empty() && (text[0] == '+' || text[0] == '-');
  const int64_t n_missing = given.int_or(0, 0) - static_cast<int64_t>(self.string().length());
  Text out(runtime);
  out += text.substr(0, has_sign ? 1 : 0);
  if (n_missing > 0) out.append(static_cast<size_t>(n_missing), '0');
  out += text.substr(has_sign ? 1 : 0);
  return make_string(runtime, out, self.is_markup());
}

template <bool (*holds)(char32_t)>
Value all_are(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters given("isalpha, isdigit, ...", {}, 0, arguments);
  const std::string_view text = self.text();
  runtime.spend_characters(text.size());
  for (size_t position = 0; position < text.size();)
    if (!holds(next_code_point(text, position))) return false;
  return !text.empty();
}

bool is_alphanumeric(char32_t character) {
  return is_alphabetic(character) || is_decimal(character) || is_digit(character) || is_numeric(character);
}

Value isascii(Runtime&, const Value& self, const Arguments& arguments) {
  const Parameters given("isascii", {}, 0, arguments);
  return self.string().is_ascii();
}

Value isprintable(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return self.text().empty() ? Value(true) : all_are<is_printable>(runtime, self, arguments);
}

// Some character has the wanted case and none another one.
template <bool (*wanted)(char32_t), bool (*other)(char32_t)>
Value has_case(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters given("islower, isupper", {}, 0, arguments);
  runtime.spend_characters(self.text().size());
  bool found = false;
  for (size_t position = 0; position < self.text().size();) {
    const char32_t character = next_code_point(self.text(), position);
    if (other(character) || is_titlecase(character)) return false;
    found = found || wanted(character);
  }
  return found;
}

Value istitle(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters given("istitle", {}, 0, arguments);
  runtime.spend_characters(self.text().size());
  bool found = false, inside_word = false;
  for (size_t position = 0; position < self.text().size();) {
    const char32_t character = next_code_point(self.text(), position);
    const bool starts = is_uppercase(character) || is_titlecase(character), goes_on = is_lowercase(character);
    if ((starts && inside_word) || (goes_on && !inside_word)) return false;
    found = found || starts || goes_on;
    inside_word = starts || goes_on;
  }
  return found;
}

Value join(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters given("join", {"iterable"}, 1, arguments);
  const auto items = iterate(runtime, given[0]);
  Text out(runtime);
  int64_t n_items = 0;
  for (Value item; items->next(item); ++n_items) {
    runtime.spend(1);
    if (!item.is_string() && !self.is_markup())
      fail_value("sequence item " + std::to_string(n_items) + ": expected str instance, " + item.type_name() +
                 " found");
    if (n_items > 0) out += self.text();
    if (self.is_markup())
      out += escape_html(runtime, item);
    else
      out += item.text();
  }
  return make_string(runtime, out, self.is_markup());
}

Value format_map(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters given("format_map", {"mapping"}, 1, arguments);
  if (!given[0].is_dict()) fail_value("format_map() argument must be a dict, not " + given[0].type_name());
  Arguments named;
  for (const auto& [key, value] : given[0].dict().entries())
    if (key.is_string()) named.named.emplace_back(key.text(), value);
  return str_format(runtime, self, named);
}

constexpr Method kMethods[] = {
    {"capitalize", changed<capitalize>},
    {"casefold", nullptr},
    {"center", padded<'^'>},
    {"encode", nullptr},
    {"expandtabs", nullptr},
    {"format", str_format},
    {"format_map", format_map},
    {"isalnum", all_are<is_alphanumeric>},
    {"isalpha", all_are<is_alphabetic>},
    {"isascii", isascii},
    {"isdecimal", all_are<is_decimal>},
    {"isdigit", all_are<is_digit>},
    {"isidentifier", nullptr},
    {"islower", has_case<is_lowercase, is_uppercase>},
    {"isnumeric", all_are<is_numeric>},
    {"isprintable", isprintable},
    {"isspace", all_are<is_space>},
    {"istitle", istitle},
    {"isupper", has_case<is_uppercase, is_lowercase>},
    {"join", join},
    {"ljust", padded<'<'>},
    {"lower", changed<to_lower>},
    {"lstrip", strip<kLeft>},
    {"maketrans", nullptr},
    {"rjust", padded<'>'>},
    {"rstrip", strip<kRight>},
    {"strip", strip<kLeft | kRight>},
    {"swapcase", changed<swap_case>},
    {"title", changed<to_title>},
    {"translate", nullptr},
    {"upper", changed<to_upper>},
    {"zfill", zfill},
};

}  // namespace

std::span<const Method> string_shape_methods() {
  return kMethods;
}

}  // namespace tidemill::jinja
