// Filters that make texts of texts.

#include <algorithm>

#include "text/jinja/arguments.h"
#include "text/jinja/filters.h"
#include "text/jinja/methods.h"
#include "text/jinja/objects.h"
#include "text/jinja/operators.h"
#include "text/jinja/printf_format.h"
#include "text/jinja/unicode.h"

namespace tidemill::jinja {
namespace {

// The method of that name on the value as a text.
Value call_method(Runtime& runtime, std::string_view name, const Value& value, const Arguments& arguments) {
  const Value text = soft_text(runtime, value);
  return find_method(text, name)->body(runtime, text, arguments);
}

Value capitalize_text(Runtime& runtime, const Value& value, const Arguments& arguments) {
  return call_method(runtime, "capitalize", value, arguments);
}

Value lower(Runtime& runtime, const Value& value, const Arguments& arguments) {
  return call_method(runtime, "lower", value, arguments);
}

Value upper(Runtime& runtime, const Value& value, const Arguments& arguments) {
  return call_method(runtime, "upper", value, arguments);
}

Value trim(Runtime& runtime, const Value& value, const Arguments& arguments) {
  return call_method(runtime, "strip", value, arguments);
}

Value center(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("center", {"width"}, 0, arguments);
  return call_method(runtime, "center", value, {{given.value_or(0, 80)}, {}});
}

Value replace(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("replace", {"old", "new", "count"}, 2, arguments);
  const Value plain = make_string(runtime, to_text(runtime, value));
  const Value from = make_string(runtime, to_text(runtime, given[0]));
  const Value to = make_string(runtime, to_text(runtime, given[1]));
  const bool all = given.find(2) == nullptr || given[2].is_none();
  return call_method(runtime, "replace", plain, {{from, to, all ? Value(-1) : given[2]}, {}});
}

Value format(Runtime& runtime, const Value& value, const Arguments& arguments) {
  if (!arguments.named.empty() && !arguments.positional.empty())
    fail_value("can't handle positional and keyword arguments at the same time");
  std::vector<Dict::Entry> named;
  for (const auto& [name, given] : arguments.named) named.emplace_back(make_string(runtime, name), given);
  const Value values = named.empty() ? make_tuple(runtime, arguments.positional) : make_dict(runtime, std::move(named));
  return printf_format(runtime, soft_text(runtime, value), values);
}

Value string(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("string", {}, 0, arguments);
  return soft_text(runtime, value);
}

Value safe(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("safe", {}, 0, arguments);
  return make_string(runtime, to_text(runtime, value), true);
}

Value escape(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("escape", {}, 0, arguments);
  return make_string(runtime, escape_html(runtime, value), true);
}

Value force_escape(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("forceescape", {}, 0, arguments);
  return make_string(runtime, escape_html(runtime, make_string(runtime, to_text(runtime, value))), true);
}

bool splits_title(char32_t character) {
  return is_space(character) || character == '-' || character == '(' || character == '{' || character == '[' ||
         character == '<';
}

// Capital letters at the start of what spaces, hyphens and opening brackets separate.
Value title(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("title", {}, 0, arguments);
  const Value text_value = soft_text(runtime, value);
  const std::string_view text = text_value.text();
  runtime.spend_characters(4 * text.size());  // words may be short, and each makes two texts
  Text out(runtime);
  for (size_t position = 0; position < text.size();) {
    const size_t begin = position;
    const bool separates = splits_title(next_code_point(text, position));
    const size_t second = position;
    for (size_t behind = position; position < text.size(); position = behind)
      if (splits_title(next_code_point(text, behind)) != separates) break;
    out += to_upper(text.substr(begin, second - begin));
    out += to_lower(text.substr(second, position - second));
  }
  return make_string(runtime, out);
}

Value indent(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("indent", {"width", "first", "blank"}, 0, arguments);
  require_defined(value);
  if (!value.is_string()) fail_value("unsupported operand type(s) for +=: '" + value.type_name() + "' and 'str'");
  const bool as_text = given.find(0) && given[0].is_string();
  const int64_t width = as_text ? 0 : given.int_or(0, 4);
  if (width > static_cast<int64_t>(kMaxTextBytes)) Runtime::check_text_size(kMaxTextBytes + 1);
  const std::string indention =
      as_text ? std::string(given[0].text()) : std::string(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
  const bool blank = given.truth_or(runtime, 2, false);
  const std::string text = std::string(value.text()) + "\n";
  runtime.spend_characters(text.size());
  Text out(runtime);
  if (given.truth_or(runtime, 1, false)) out += indention;
  bool first = true;
  for (const std::string_view line : split_lines(text)) {
    if (!first) out += "\n";
    if (!first && (blank || !line.empty())) out += indention;
    out += line;
    first = false;
  }
  return make_string(runtime, out, value.is_markup());
}

Value truncate(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("truncate", {"length", "killwords", "end", "leeway"}, 0, arguments);
  const int64_t length = given.int_or(0, 255);
  const std::string_view end = given.find(2) ? given.text(2) : "...";
  const int64_t leeway = given.find(3) && !given[3].is_none() ? given.int_or(3, 5) : 5;
  const auto end_length = static_cast<int64_t>(count_characters(end));
  if (length < end_length) fail_value("expected length >= " + std::to_string(end_length));
  if (leeway < 0) fail_value("expected leeway >= 0");
  if (require_length(runtime, value) - leeway <= length) return value;
  if (!value.is_string()) fail_value("a " + value.type_name() + " cannot be truncated");
  runtime.spend_scan(value.text().size());
  std::string_view kept = value.text().substr(0, byte_offset(value.text(), static_cast<size_t>(length - end_length)));
  if (!given.truth_or(runtime, 1, false)) kept = kept.substr(0, kept.rfind(' '));
  const Value tail = make_string(runtime, std::string(end));
  return arithmetic(runtime, Arithmetic::add, make_string(runtime, std::string(kept), value.is_markup()), tail);
}

Value word_count(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("wordcount", {}, 0, arguments);
  const Value text_value = soft_text(runtime, value);
  const std::string_view text = text_value.text();
  runtime.spend_characters(text.size());
  int64_t n_words = 0;
  bool inside = false;
  for (size_t position = 0; position < text.size();) {
    const char32_t character = next_code_point(text, position);
    const bool is_word = character == '_' || is_alphabetic(character) || is_numeric(character);
    n_words += is_word && !inside ? 1 : 0;
    inside = is_word;
  }
  return n_words;
}

std::string quote_url(Runtime& runtime, const Value& value, bool in_query) {
  std::string out;
  const std::string text = to_text(runtime, value);
  runtime.spend_characters(text.size());
  for (const char byte : text) {
    const auto code = static_cast<unsigned char>(byte);
    const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
                       std::string_view(in_query ? "_.-~" : "_.-~/").find(byte) != std::string_view::npos;
    if (plain)
      out += byte;
    else if (byte == ' ' && in_query)
      out += '+';
    else
      out += {'%', "0123456789ABCDEF"[code >> 4], "0123456789ABCDEF"[code & 15]};
  }
  return out;
}

Value urlencode(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const Parameters given("urlencode", {}, 0, arguments);
  if (value.is_string() || try_iterate(runtime, value) == nullptr)
    return make_string(runtime, quote_url(runtime, value, false));
  const Value pairs =
      value.is_dict() ? Value(ObjectRef(std::make_shared<DictView>(value.dict_ref(), ViewOf::items))) : value;
  Text out(runtime);
  for (const Value& pair : collect(runtime, pairs)) {
    const std::vector<Value> both = collect(runtime, pair);
    if (both.size() != 2) fail_value("urlencode needs pairs of names and values");
    if (out.size() > 0) out += "&";
    out += quote_url(runtime, both[0], true) + "=" + quote_url(runtime, both[1], true);
  }
  return make_string(runtime, out);
}

constexpr Filter kFilters[] = {
    {"capitalize", capitalize_text},
    {"center", center},
    {"e", escape},
    {"escape", escape},
    {"filesizeformat", nullptr},
    {"forceescape", force_escape},
    {"format", format},
    {"indent", indent},
    {"lower", lower},
    {"pprint", nullptr},
    {"replace", replace},
    {"safe", safe},
    {"string", string},
    {"striptags", nullptr},
    {"title", title},
    {"trim", trim},
    {"truncate", truncate},
    {"upper", upper},
    {"urlencode", urlencode},
    {"urlize", nullptr},
    {"wordcount", word_count},
    {"wordwrap", nullptr},
    {"xmlattr", nullptr},
};

}  // namespace

std::span<const Filter> text_filters() {
  return kFilters;
}

}  // namespace tidemill::jinja
