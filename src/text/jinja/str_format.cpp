#include "text/jinja/str_format.h"

#include "text/jinja/attributes.h"
#include "text/jinja/format_spec.h"
#include "text/jinja/numbers.h"
#include "text/jinja/operators.h"

namespace tidemill::jinja {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

class Formatter {
 public:
  Formatter(Runtime& runtime, const Arguments& arguments, bool escapes)
      : runtime_(runtime), arguments_(arguments), escapes_(escapes) {}

  void run(Text& out, std::string_view text, int depth) {
    if (depth > 2) fail_value("Max string recursion exceeded");
    runtime_.spend_characters(text.size());
    for (size_t position = 0; position < text.size();) {
      const size_t brace = std::min(text.find_first_of("{}", position), text.size());
      out += text.substr(position, brace - position);
      if (brace == text.size()) return;
      if (brace + 1 < text.size() && text[brace + 1] == text[brace]) {
        out += text.substr(brace, 1);
        position = brace + 2;
        continue;
      }
      if (text[brace] == '}') fail_value("Single '}' encountered in format string");
      const size_t end = field_end(text, brace + 1);
      field(out, text.substr(brace + 1, end - brace - 1), depth);
      position = end + 1;
    }
  }

 private:
  // Position of the brace that closes the field that starts at `position`.
  static size_t field_end(std::string_view text, size_t position) {
    int open = 1;
    bool in_brackets = false;
    for (; position < text.size(); ++position) {
      const char byte = text[position];
      if (byte == '[') in_brackets = true;
      if (byte == ']') in_brackets = false;
      if (in_brackets) continue;
      if (byte == '{') ++open;
      if (byte == '}' && --open == 0) return position;
    }
    fail_value("expected '}' before end of string");
  }

  void field(Text& out, std::string_view text, int depth) {
    runtime_.step();
    size_t name_end = 0;
    for (bool in_brackets = false; name_end < text.size(); ++name_end) {
      if (text[name_end] == '[') in_brackets = true;
      if (text[name_end] == ']') in_brackets = false;
      if (!in_brackets && (text[name_end] == ':' || text[name_end] == '!')) break;
    }
    Value value = look_up(text.substr(0, name_end));
    std::string_view rest = text.substr(name_end);
    if (!rest.empty() && rest[0] == '!') {
      if (rest.size() < 2) fail_value("end of string while looking for conversion specifier");
      value = converted(value, rest[1]);
      rest.remove_prefix(2);
      if (!rest.empty() && rest[0] != ':') fail_value("expected ':' after conversion specifier");
    }
    if (!rest.empty()) rest.remove_prefix(1);
    Text spec(runtime_);
    run(spec, rest, depth + 1);
    append_value(out, value, spec.view());
  }

  void append_value(Text& out, const Value& value, std::string_view spec) {
    if (!escapes_) return out.append(format_value(runtime_, value, spec));
    if (value.is_markup()) {
      if (!spec.empty()) fail_value("Unsupported format specification for Markup.");
      return out.append(value.text());
    }
    out.append(escape_html(runtime_, make_string(runtime_, format_value(runtime_, value, spec))));
  }

  Value converted(const Value& value, char how) {
    if (how == 's') return make_string(runtime_, to_text(runtime_, value));
    if (how == 'r') return make_string(runtime_, to_repr(runtime_, value));
    fail_value(std::string("Unknown conversion specifier ") + how);
  }

  // "0.name[key]": an argument, then attributes and items of it.
  Value look_up(std::string_view path) {
    const size_t first_end = std::min(path.find_first_of(".["), path.size());
    Value value = argument(path.substr(0, first_end));
    for (size_t position = first_end; position < path.size();) {
      const bool is_attribute = path[position++] == '.';
      const size_t end =
          is_attribute ? std::min(path.find_first_of(".[", position), path.size()) : path.find(']', position);
      if (end == std::string_view::npos) fail_value("Missing ']' in format string");
      const std::string_view name = path.substr(position, end - position);
      if (name.empty()) fail_value("Empty attribute in format string");
      if (is_attribute)
        value = get_attribute(runtime_, value, name);
      else
        value =
            get_item(runtime_, value,
                     is_number(name) ? Value(parse_int(name).value_or(0)) : make_string(runtime_, std::string(name)));
      position = is_attribute ? end : end + 1;
      if (position < path.size() && path[position] != '.' && path[position] != '[')
        fail_value("Only '.' or '[' may follow ']' in format field specifier");
    }
    return value;
  }

  Value argument(std::string_view name) {
    if (name.empty() || is_number(name)) {
      if (name.empty() ? numbered_ : counts_)
        fail_value("cannot switch between automatic field numbering and manual field specification");
      (name.empty() ? counts_ : numbered_) = true;
      const auto index = static_cast<size_t>(name.empty() ? next_index_++ : parse_int(name).value_or(0));
      if (index >= arguments_.positional.size())
        fail_value("Replacement index " + std::to_string(index) + " out of range for positional args tuple");
      return arguments_.positional[index];
    }
    for (const auto& [key, value] : arguments_.named)
      if (key == name) return value;
    fail_value("there is no argument '" + std::string(name) + "' to format");
  }

  Runtime& runtime_;
  const Arguments& arguments_;
  bool escapes_;
  bool counts_ = false, numbered_ = false;
  int64_t next_index_ = 0;
};

}  // namespace

Value str_format(Runtime& runtime, const Value& format, const Arguments& arguments) {
  Text out(runtime);
  Formatter(runtime, arguments, format.is_markup()).run(out, format.text(), 0);
  return make_string(runtime, out, format.is_markup());
}

}  // namespace tidemill::jinja
