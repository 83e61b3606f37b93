// Methods of str that look for something in it: find, count, replace, split, ...

#include <algorithm>

#include "text/jinja/arguments.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/unicode.h"

namespace tidemill::jinja {
namespace {

constexpr size_t kNowhere = std::string_view::npos;

// The part of a text that find(x, start, end) and its like look at.
struct Window {
  std::string_view text;
  size_t first_character = 0;
  bool exists = true;  // false when it starts past the end: not even the empty text is in it
};

int64_t bound(const Parameters& given, size_t index, int64_t otherwise, int64_t size) {
  if (given.find(index) == nullptr || given[index].is_none()) return otherwise;
  const int64_t value = given.int_or(index, otherwise);
  return value < 0 ? std::max<int64_t>(value + size, 0) : value;
}

Window window(Runtime& runtime, const Value& self, const Parameters& given) {
  const String& string = self.string();
  runtime.spend_scan(string.is_ascii() ? 0 : string.text.size());
  const auto size = static_cast<int64_t>(string.length());
  const int64_t start = bound(given, 1, 0, size), end = std::min(bound(given, 2, size, size), size);
  if (start > end) return {{}, 0, false};
  const std::string_view text = string.text;
  if (string.is_ascii())
    return {text.substr(static_cast<size_t>(start), static_cast<size_t>(end - start)), static_cast<size_t>(start),
            true};
  const std::string_view rest = text.substr(byte_offset(text, static_cast<size_t>(start)));
  return {rest.substr(0, end == size ? rest.size() : byte_offset(rest, static_cast<size_t>(end - start))),
          static_cast<size_t>(start), true};
}

enum class From { left, right };

int64_t find_in(Runtime& runtime, const Value& self, const Parameters& given, From from) {
  const std::string_view wanted = given.text(0);
  const Window part = window(runtime, self, given);
  runtime.spend_search(part.text.size(), wanted.size());
  const size_t found = from == From::left ? part.text.find(wanted) : part.text.rfind(wanted);
  if (!part.exists || found == kNowhere) return -1;
  return static_cast<int64_t>(part.first_character + count_characters(part.text.substr(0, found)));
}

template <From from>
Value find(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return find_in(runtime, self, Parameters("find", {"sub", "start", "end"}, 1, arguments), from);
}

template <From from>
Value index(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const int64_t found = find_in(runtime, self, Parameters("index", {"sub", "start", "end"}, 1, arguments), from);
  if (found < 0) fail_value("substring not found");
  return found;
}

Value count(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters given("count", {"sub", "start", "end"}, 1, arguments);
  const std::string_view wanted = given.text(0);
  const Window part = window(runtime, self, given);
  runtime.spend_search(part.text.size(), wanted.size());
  if (!part.exists) return 0;
  if (wanted.empty()) return static_cast<int64_t>(count_characters(part.text)) + 1;
  int64_t n_found = 0;
  for (size_t at = part.text.find(wanted); at != kNowhere; at = part.text.find(wanted, at + wanted.size())) ++n_found;
  runtime.spend(n_found);
  return n_found;
}

template <From from>
Value has_affix(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const char* name = from == From::left ? "startswith" : "endswith";
  const Parameters given(name, {"prefix", "start", "end"}, 1, arguments);
  const Window part = window(runtime, self, given);
  const auto matches = [&](const Value& affix) {
    if (!affix.is_string())
      fail_value(std::string(name) + " first arg must be str or a tuple of str, not " + affix.type_name());
    return part.exists &&
           (from == From::left ? part.text.starts_with(affix.text()) : part.text.ends_with(affix.text()));
  };
  if (!given[0].is_tuple()) return matches(given[0]);
  return std::any_of(given[0].items().begin(), given[0].items().end(), matches);
}

template <From from>
Value remove_affix(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters given(from == From::left ? "removeprefix" : "removesuffix", {"affix"}, 1, arguments);
  std::string_view text = self.text();
  const std::string_view affix = given.text(0);
  if (from == From::left && text.starts_with(affix)) text.remove_prefix(affix.size());
  if (from == From::right && text.ends_with(affix)) text.remove_suffix(affix.size());
  return make_string(runtime, std::string(text), self.is_markup());
}

Value replace(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters given("replace", {"old", "new", "count"}, 2, arguments);
  const std::string_view text = self.text(), from = given.text(0);
  const std::string escaped = self.is_markup() ? escape_html(runtime, given[1]) : std::string();
  const std::string_view to = self.is_markup() ? escaped : given.text(1);
  int64_t n_left = given.int_or(2, -1);
  runtime.spend_search(text.size(), from.size());
  Text out(runtime);
  size_t position = 0;
  // An empty text is found before every character and at the end.
  while (n_left != 0) {
    runtime.spend(1);
    const size_t found = from.empty() ? position : text.find(from, position);
    if (found == kNowhere) break;
    out += text.substr(position, found - position);
    out += to;
    --n_left;
    position = found + from.size();
    if (!from.empty()) continue;
    if (position == text.size()) break;
    next_code_point(text, position);
    out += text.substr(found, position - found);
  }
  out += text.substr(position);
  return make_string(runtime, out, self.is_markup());
}

bool is_space_before(std::string_view text, size_t position, size_t& begin) {
  begin = position;
  return position > 0 && is_space(previous_code_point(text, begin));
}

bool is_space_at(std::string_view text, size_t position, size_t& behind) {
  behind = position;
  return position < text.size() && is_space(next_code_point(text, behind));
}

using Pieces = std::vector<std::string_view>;

Pieces split_at_spaces(std::string_view text, int64_t n_left) {
  Pieces pieces;
  size_t position = 0, other = 0;
  while (true) {
    while (is_space_at(text, position, other)) position = other;
    if (position == text.size()) return pieces;
    if (n_left-- == 0) break;
    const size_t begin = position;
    while (position < text.size() && !is_space_at(text, position, other)) position = other;
    pieces.push_back(text.substr(begin, position - begin));
  }
  pieces.push_back(text.substr(position));
  return pieces;
}

Pieces split_at_spaces_from_right(std::string_view text, int64_t n_left) {
  Pieces pieces;
  size_t position = text.size(), other = 0;
  while (true) {
    while (is_space_before(text, position, other)) position = other;
    if (position == 0 || n_left-- == 0) break;
    const size_t end = position;
    while (position > 0 && !is_space_before(text, position, other)) position = other;
    pieces.push_back(text.substr(position, end - position));
  }
  if (position > 0) pieces.push_back(text.substr(0, position));
  std::reverse(pieces.begin(), pieces.end());
  return pieces;
}

Pieces split_at(std::string_view text, std::string_view separator, int64_t n_left) {
  Pieces pieces;
  size_t position = 0;
  for (; n_left != 0; --n_left) {
    const size_t found = text.find(separator, position);
    if (found == kNowhere) break;
    pieces.push_back(text.substr(position, found - position));
    position = found + separator.size();
  }
  pieces.push_back(text.substr(position));
  return pieces;
}

Pieces split_at_from_right(std::string_view text, std::string_view separator, int64_t n_left) {
  Pieces pieces;
  for (; n_left != 0; --n_left) {
    const size_t found = text.rfind(separator);
    if (found == kNowhere) break;
    pieces.push_back(text.substr(found + separator.size()));
    text = text.substr(0, found);
  }
  pieces.push_back(text);
  std::reverse(pieces.begin(), pieces.end());
  return pieces;
}

std::vector<Value> to_values(Runtime& runtime, const Value& self, const Pieces& pieces) {
  std::vector<Value> values;
  for (const std::string_view piece : pieces)
    values.push_back(make_string(runtime, std::string(piece), self.is_markup()));
  return values;
}

template <From from>
Value split(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters given(from == From::left ? "split" : "rsplit", {"sep", "maxsplit"}, 0, arguments);
  const std::string_view text = self.text();
  const int64_t n_splits = given.int_or(1, -1);
  if (given.find(0) == nullptr || given[0].is_none()) {
    runtime.spend_characters(text.size());
    return make_list(runtime, to_values(runtime, self,
                                        from == From::left ? split_at_spaces(text, n_splits)
                                                           : split_at_spaces_from_right(text, n_splits)));
  }
  const std::string_view separator = given.text(0);
  if (separator.empty()) fail_value("empty separator");
  runtime.spend_search(text.size(), separator.size());
  return make_list(runtime, to_values(runtime, self,
                                      from == From::left ? split_at(text, separator, n_splits)
                                                         : split_at_from_right(text, separator, n_splits)));
}

template <From from>
Value partition(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters given(from == From::left ? "partition" : "rpartition", {"sep"}, 1, arguments);
  const std::string_view text = self.text(), separator = given.text(0);
  if (separator.empty()) fail_value("empty separator");
  runtime.spend_search(text.size(), separator.size());
  const size_t found = from == From::left ? text.find(separator) : text.rfind(separator);
  Pieces pieces;
  if (found != kNowhere)
    pieces = {text.substr(0, found), separator, text.substr(found + separator.size())};
  else if (from == From::left)
    pieces = {text, {}, {}};
  else
    pieces = {{}, {}, text};
  return make_tuple(runtime, to_values(runtime, self, pieces));
}

Value splitlines(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters given("splitlines", {"keepends"}, 0, arguments);
  runtime.spend_characters(self.text().size());
  const LineEnds ends = given.truth_or(runtime, 0, false) ? LineEnds::keep : LineEnds::drop;
  return make_list(runtime, to_values(runtime, self, split_lines(self.text(), ends)));
}

constexpr Method kMethods[] = {
    {"count", count},
    {"endswith", has_affix<From::right>},
    {"find", find<From::left>},
    {"index", index<From::left>},
    {"partition", partition<From::left>},
    {"removeprefix", remove_affix<From::left>},
    {"removesuffix", remove_affix<From::right>},
    {"replace", replace},
    {"rfind", find<From::right>},
    {"rindex", index<From::right>},
    {"rpartition", partition<From::right>},
    {"rsplit", split<From::right>},
    {"split", split<From::left>},
    {"splitlines", splitlines},
    {"startswith", has_affix<From::left>},
};

}  // namespace

std::span<const Method> string_search_methods() {
  return kMethods;
}

}  // namespace tidemill::jinja
