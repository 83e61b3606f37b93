#include "cli/config_file.h"

#include <toml++/toml.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "tidemill/error.h"
#include "tidemill/suggest.h"

namespace tidemill::cli {
namespace {

constexpr size_t kMostBytes = 1 << 20;

std::string whole_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  if (file) {
    text.resize(kMostBytes + 1);
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(file.gcount()));
  }
  if (!file && !file.eof()) throw Error(ErrorCode::not_found, path + ": cannot be read; give a TOML file as --config");
  if (text.size() > kMostBytes)
    throw Error(ErrorCode::bad_file, path + ": is larger than 1 MiB; is it the right file?");
  return text;
}

class Reader {
 public:
  Reader(std::string path, std::span<const Option> options) : path_(std::move(path)), options_(options) {}

  std::map<std::string, std::vector<std::string>> read() {
    const std::string text = whole_file(path_);
    try {
      take_table(toml::parse(std::string_view(text), std::string_view(path_)), "");
    } catch (const toml::parse_error& error) {
      fail(error.source(), std::string(error.description()));
    }
    return std::move(values_);
  }

 private:
  [[noreturn]] void fail(const toml::source_region& where, const std::string& why) const {
    throw Error(ErrorCode::bad_file, path_ + ": line " + std::to_string(where.begin.line) + ": " + why);
  }

  void take_table(const toml::table& table, const std::string& prefix) {
    for (const auto& [key, node] : table) {
      const std::string name = prefix + std::string(key.str());
      const bool is_section = std::any_of(options_.begin(), options_.end(),
                                          [&](const Option& option) { return option.config.starts_with(name + "."); });
      if (!is_section)
        take_value(find(name, node), name, node);
      else if (const toml::table* section = node.as_table())
        take_table(*section, name + ".");
      else
        fail(node.source(), "'" + name + "' must be a table, as in [" + name + "]");
    }
  }

  const Option& find(const std::string& name, const toml::node& node) const {
    std::vector<std::string> names;
    for (const Option& option : options_) {
      if (option.config == name) return option;
      if (!option.config.empty()) names.emplace_back(option.config);
    }
    const std::string nearest = nearest_word(name, names);
    fail(node.source(),
         "'" + name + "': no such key; " +
             (nearest.empty() ? "tidemill serve --print-config shows all" : "did you mean '" + nearest + "'?"));
  }

  void take_value(const Option& option, const std::string& name, const toml::node& node) {
    std::vector<std::string>& values = values_[std::string(option.flag)];
    const toml::array* list = option.kind == OptionKind::texts ? node.as_array() : nullptr;
    if (list == nullptr) return values.push_back(text_of(option, name, node));
    for (const toml::node& entry : *list) values.push_back(text_of(option, name, entry));
  }

  std::string text_of(const Option& option, const std::string& name, const toml::node& node) const {
    const auto expect = [&](bool is_right, const char* what) {
      if (!is_right) fail(node.source(), "'" + name + "' must be " + what);
    };
    std::ostringstream text;
    text.imbue(std::locale::classic());
    switch (option.kind) {
      case OptionKind::flag:
        expect(node.is_boolean(), "true or false");
        return node.as_boolean()->get() ? "1" : "0";
      case OptionKind::integer:
        expect(node.is_integer(), "a whole number");
        text << node.as_integer()->get();
        break;
      case OptionKind::number:
        expect(node.is_number(), "a number");
        text.precision(17);
        node.is_integer() ? text << node.as_integer()->get() : text << node.as_floating_point()->get();
        break;
      case OptionKind::text:
        expect(node.is_string(), "a text in quotes");
        return node.as_string()->get();
      case OptionKind::texts:
        expect(node.is_string(), "a text in quotes or a list of them");
        return node.as_string()->get();
    }
    try {
      check_value(option, text.str(), "'" + name + "'");
    } catch (const Error& error) {
      fail(node.source(), error.what());
    }
    return text.str();
  }

  std::string path_;
  std::span<const Option> options_;
  std::map<std::string, std::vector<std::string>> values_;
};

std::string quoted(const std::string& text) {
  std::ostringstream out;
  const toml::value<std::string> value(text);
  out << toml::toml_formatter(value, toml::toml_formatter::default_flags & ~toml::format_flags::allow_literal_strings);
  return out.str();
}

// What a key holds, as TOML; empty when nothing gives it a value.
std::string value_of(const Arguments& arguments, const Option& option) {
  switch (option.kind) {
    case OptionKind::flag:  // unsaid is not the same as false where other options stand in for it
      return !arguments.has(option.flag) ? "" : arguments.flag(option.flag) ? "true" : "false";
    case OptionKind::texts: {
      std::string list;
      for (const std::string& text : arguments.texts(option.flag)) list += (list.empty() ? "" : ", ") + quoted(text);
      return list.empty() ? "" : "[" + list + "]";
    }
    case OptionKind::text:
      return arguments.text(option.flag).empty() ? "" : quoted(arguments.text(option.flag));
    default:
      return arguments.text(option.flag);
  }
}

std::string range_of(const Option& option) {
  if (option.kind != OptionKind::integer) return "";
  return "; " + std::to_string(static_cast<int64_t>(option.min)) + " to " +
         std::to_string(static_cast<int64_t>(option.max));
}

std::string empty_value(const Option& option) {
  return option.kind == OptionKind::texts ? "[]" : option.kind == OptionKind::flag ? "false" : "\"\"";
}

}  // namespace

std::map<std::string, std::vector<std::string>> read_config(const std::string& path, std::span<const Option> options) {
  return Reader(path, options).read();
}

std::string write_config(const Arguments& arguments, std::span<const Option> options) {
  std::string text, section;
  for (const Option& option : options) {
    if (option.config.empty()) continue;
    const size_t dot = option.config.find('.');
    if (option.config.substr(0, dot) != section) {
      section = option.config.substr(0, dot);
      text += (text.empty() ? "[" : "\n[") + section + "]\n";
    }
    const std::string key(option.config.substr(dot + 1));
    const std::string value = value_of(arguments, option);
    text += "# " + std::string(option.help) + "\n#   " + std::string(option.flag) +
            (option.value_name.empty() ? "" : " " + std::string(option.value_name)) + ", " + option.environment_name() +
            range_of(option) + "\n";
    if (value.empty())
      text += "# " + key + " = " + empty_value(option) + "\n";
    else
      text += option.is_secret ? "# " + key + " = ...\n" : key + " = " + value + "\n";
  }
  return text;
}

}  // namespace tidemill::cli
