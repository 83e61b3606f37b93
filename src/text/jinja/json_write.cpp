#include <algorithm>
#include <cmath>

#include "text/jinja/json_text.h"
#include "text/jinja/numbers.h"
#include "text/jinja/operators.h"
#include "text/jinja/stable_order.h"
#include "text/jinja/unicode.h"

namespace tidemill::jinja {
namespace {

class JsonWriter {
 public:
  JsonWriter(Text& out, Runtime& runtime, const JsonStyle& style) : out_(out), runtime_(runtime), style_(style) {}

  void write(const Value& value) {
    runtime_.spend(1);
    if (value.is_string()) return write_string(value.text());
    if (value.is_none()) return out_.append("null");
    if (value.is_bool()) return out_.append(value.as_bool() ? "true" : "false");
    if (value.is_int()) return out_.append(std::to_string(value.as_int()));
    if (value.is_float()) return out_.append(number(value.as_float()));
    if (value.is_sequence()) return write_list(value.items());
    if (value.is_dict()) return write_dict(value.dict());
    fail_value("Object of type " + value.type_name() + " is not JSON serializable");
  }

 private:
  static std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    return float_repr(value);
  }

  void new_line() {
    if (!style_.indent) return;
    out_ += "\n";
    for (int k = 0; k < level_; ++k) out_ += *style_.indent;
  }

  void write_list(const std::vector<Value>& items) {
    if (items.empty()) return out_.append("[]");
    out_ += "[";
    ++level_;
    for (const Value& item : items) {
      if (&item != &items.front()) out_ += style_.item_separator;
      new_line();
      write(item);
    }
    --level_;
    new_line();
    out_ += "]";
  }

  void write_dict(const Dict& dict) {
    if (dict.size() == 0) return out_.append("{}");
    out_ += "{";
    ++level_;
    bool first = true;
    for (const Dict::Entry* entry : ordered(dict)) {
      if (!first) out_ += style_.item_separator;
      first = false;
      new_line();
      write_key(entry->first);
      out_ += style_.key_separator;
      write(entry->second);
    }
    --level_;
    new_line();
    out_ += "}";
  }

  std::vector<const Dict::Entry*> ordered(const Dict& dict) {
    const auto& entries = dict.entries();
    std::vector<const Dict::Entry*> result;
    if (!style_.sort_keys) {
      for (const auto& entry : entries) result.push_back(&entry);
      return result;
    }
    const auto before = [&](size_t a, size_t b) { return less(runtime_, entries[a].first, entries[b].first); };
    for (const size_t index : stable_order(entries.size(), before)) result.push_back(&entries[index]);
    return result;
  }

  void write_key(const Value& key) {
    if (key.is_string()) return write_string(key.text());
    if (!key.is_none() && !key.is_number())
      fail_value("keys must be str, int, float, bool or None, not " + key.type_name());
    out_ += "\"";
    write(key);
    out_ += "\"";
  }

  void write_string(std::string_view text) {
    runtime_.spend_characters(text.size());
    out_ += "\"";
    size_t plain = 0;  // start of what needs no escape and is not written yet
    for (size_t position = 0; position < text.size();) {
      const size_t begin = position;
      const char32_t character = next_code_point(text, position);
      const bool is_plain =
          character >= 0x20 && character != '"' && character != '\\' && (character < 0x7F || !style_.ensure_ascii);
      if (is_plain) continue;
      out_ += text.substr(plain, begin - plain);
      plain = position;
      write_escape(character);
    }
    out_ += text.substr(plain);
    out_ += "\"";
  }

  void write_escape(char32_t character) {
    constexpr std::string_view kShort = "\"\\\b\f\n\r\t", kLetters = "\"\\bfnrt";
    const size_t known = character < 0x80 ? kShort.find(static_cast<char>(character)) : std::string_view::npos;
    if (known != std::string_view::npos) {
      out_.append(1, '\\');
      out_.append(1, kLetters[known]);
    } else if (character >= 0x10000) {
      write_unit(0xD800 + ((character - 0x10000) >> 10));
      write_unit(0xDC00 + ((character - 0x10000) & 0x3FF));
    } else {
      write_unit(character);
    }
  }

  void write_unit(char32_t unit) {
    out_ += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out_.append(1, "0123456789abcdef"[(unit >> shift) & 0xF]);
  }

  Text& out_;
  Runtime& runtime_;
  const JsonStyle& style_;
  int level_ = 0;
};

}  // namespace

void append_json(Text& out, Runtime& runtime, const Value& value, const JsonStyle& style) {
  JsonWriter(out, runtime, style).write(value);
}

}  // namespace tidemill::jinja
