// str() and repr().

#include "text/jinja/numbers.h"
#include "text/jinja/operators.h"
#include "text/jinja/unicode.h"

namespace tidemill::jinja {
namespace {

void append_hex(Text& out, char kind, char32_t character, int n_digits) {
  std::string escape = {'\\', kind};
  for (int shift = 4 * (n_digits - 1); shift >= 0; shift -= 4) escape += "0123456789abcdef"[(character >> shift) & 0xF];
  out += escape;
}

void append_quoted(Text& out, std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  out.append(1, quote);
  for (size_t position = 0; position < text.size();) {
    const size_t begin = position;
    const char32_t character = next_code_point(text, position);
    if (character == static_cast<char32_t>(quote) || character == '\\') {
      out.append(1, '\\');
      out.append(1, static_cast<char>(character));
    } else if (character == '\n' || character == '\r' || character == '\t') {
      out += character == '\n' ? "\\n" : character == '\r' ? "\\r" : "\\t";
    } else if (is_printable(character)) {
      out += text.substr(begin, position - begin);
    } else if (character < 0x100) {
      append_hex(out, 'x', character, 2);
    } else if (character < 0x10000) {
      append_hex(out, 'u', character, 4);
    } else {
      append_hex(out, 'U', character, 8);
    }
  }
  out.append(1, quote);
}

void append_list(Text& out, Runtime& runtime, const List& list) {
  const bool is_list = list.kind == ListKind::list;
  out += is_list ? "[" : "(";
  for (const Value& item : list.items) {
    if (&item != &list.items.front()) out += ", ";
    append_repr(out, runtime, item);
  }
  out += is_list ? "]" : list.items.size() == 1 ? ",)" : ")";
}

void append_dict(Text& out, Runtime& runtime, const Dict& dict) {
  out += "{";
  for (const auto& entry : dict.entries()) {
    if (&entry != &dict.entries().front()) out += ", ";
    append_repr(out, runtime, entry.first);
    out += ": ";
    append_repr(out, runtime, entry.second);
  }
  out += "}";
}

}  // namespace

void append_repr(Text& out, Runtime& runtime, const Value& value) {
  runtime.spend(1);
  // Namespaces may hold each other, so the depth of a value does not bound this recursion.
  const DepthGuard guard(runtime.evaluation_depth, kMaxEvaluationDepth, "a value");
  if (value.is_undefined()) return out.append("Undefined");
  if (value.is_none()) return out.append("None");
  if (value.is_bool()) return out.append(value.as_bool() ? "True" : "False");
  if (value.is_int()) return out.append(std::to_string(value.as_int()));
  if (value.is_float()) return out.append(float_repr(value.as_float()));
  if (value.is_sequence()) return append_list(out, runtime, value.list());
  if (value.is_dict()) return append_dict(out, runtime, value.dict());
  if (value.is_object()) return out.append(value.object().repr(runtime));
  runtime.spend_characters(value.text().size());
  if (value.is_markup()) out += "Markup(";
  append_quoted(out, value.text());
  if (value.is_markup()) out += ")";
}

std::string to_repr(Runtime& runtime, const Value& value) {
  Text text(runtime);
  append_repr(text, runtime, value);
  return text.take();
}

void append_text(Text& out, Runtime& runtime, const Value& value) {
  if (value.is_string()) return out.append(value.text());
  if (!value.is_undefined()) append_repr(out, runtime, value);
}

std::string to_text(Runtime& runtime, const Value& value) {
  if (value.is_string()) {
    runtime.spend_bytes(value.text().size());
    return std::string(value.text());
  }
  Text text(runtime);
  append_text(text, runtime, value);
  return text.take();
}

std::string escape_html(Runtime& runtime, const Value& value) {
  std::string text = to_text(runtime, value);
  if (value.is_markup()) return text;
  runtime.spend_characters(text.size());
  Text out(runtime);
  for (const char byte : text) {
    switch (byte) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out.append(1, byte);
    }
  }
  return out.take();
}

}  // namespace tidemill::jinja
