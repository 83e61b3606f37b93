// Options of commands: one table row gives flag, environment variable, key of a configuration file, default, range and
// help.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace tidemill::cli {

enum class OptionKind { flag, integer, number, text, texts };  // texts: may be given several times

struct Option {
  std::string_view flag = {};  // "--top-k" or "-n"
  OptionKind kind = OptionKind::flag;
  std::string_view value_name = {};  // as help shows it: "K"
  std::string_view help = {};
  std::string_view fallback = {};  // default as text; empty: none
  double min = 0;                  // range of numbers
  double max = 0;
  std::string_view config = {};  // "server.port": its key in configuration files; empty: not there
  bool is_secret = false;        // its value is never shown

  // "TIDEMILL_TOP_K"; the environment gives a default that the command line overrides.
  std::string environment_name() const;
  // The flag that the key's own name makes, "--max-batch-size"; it means the same.  Empty without a key.
  std::string config_flag() const;
};

template <typename Part>
inline constexpr size_t kOptionsIn = 1;
template <size_t kSize>
inline constexpr size_t kOptionsIn<std::array<Option, kSize>> = kSize;

// The options of a command from single ones and groups (arrays), in this order.
template <typename... Parts>
constexpr auto option_table(const Parts&... parts) {
  std::array<Option, (kOptionsIn<Parts> + ...)> table;
  auto next = table.begin();
  const auto add = [&](const auto& part) {
    if constexpr (kOptionsIn<std::decay_t<decltype(part)>> == 1) {
      *next++ = part;
    } else {
      next = std::copy(part.begin(), part.end(), next);
    }
  };
  (add(parts), ...);
  return table;
}

// Throws invalid_argument, beginning with `called`, for a number that is none or is out of range.
void check_value(const Option& option, const std::string& value, const std::string& called);

struct Command {
  std::string_view name;
  std::string_view summary;   // one line
  std::string_view usage;     // what follows the name: "MODEL [options]"
  std::string_view examples;  // lines, shown first by --help
  std::span<const Option> options;
  int max_positionals = 0;
  int (*run)(const class Arguments& arguments) = nullptr;
  std::span<const Command* const> subcommands = {};  // their names begin with this one's: "tokenize train"
};

// The words after the command, checked against its options.
class Arguments {
 public:
  // Throws Error(invalid_argument) for unknown options (with the nearest one), missing or extra values, values of the
  // wrong type or out of range.
  Arguments(const Command& command, std::span<const char* const> words);

  bool flag(std::string_view name) const;
  bool has(std::string_view name) const;
  int64_t integer(std::string_view name) const;
  double number(std::string_view name) const;
  std::string text(std::string_view name) const;
  std::vector<std::string> texts(std::string_view name) const;
  // Values, by flag, for options that neither the command line nor the environment has given.
  void take_defaults(const std::map<std::string, std::vector<std::string>>& values);
  const std::vector<std::string>& positionals() const { return positionals_; }
  // The model, given by --model or as the first positional.  Throws invalid_argument when there is none.
  std::string model() const;

 private:
  const Option& find(std::string_view name) const;
  void take(const Option& option, const std::string& value);
  void take_environment();

  const Command& command_;
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::set<std::string, std::less<>> given_;  // options of the command line
  std::vector<std::string> positionals_;
};

// Help of one command: examples first, then options.
std::string help_text(const Command& command);

}  // namespace tidemill::cli
