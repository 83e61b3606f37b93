#include "cli/options.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>

#include "tidemill/error.h"
#include "tidemill/suggest.h"

namespace tidemill::cli {
namespace {

[[noreturn]] void usage_error(const std::string& message) {
  throw Error(ErrorCode::invalid_argument, message);
}

// The whole of `text` as a number of type T.
template <typename T>
T parse(const Option& option, const std::string& text, const std::string& called) {
  T value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = problem == std::errc() && end == text.data() + text.size();
  const auto number = static_cast<double>(value);
  if (whole && number >= option.min && number <= option.max) return value;
  const auto plain = [](double bound) {
    std::string shown = std::to_string(bound);
    shown.erase(shown.find_last_not_of('0') + 1);
    if (shown.back() == '.') shown.pop_back();
    return shown;
  };
  usage_error(called + ": '" + text + "' is not a" + (option.kind == OptionKind::integer ? " whole" : "") +
              " number from " + plain(option.min) + " to " + plain(option.max));
}

std::string environment_name_of(std::string_view flag) {
  std::string name = "TIDEMILL_";
  for (char c : flag.substr(flag.find_first_not_of('-')))
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

bool looks_like_option(std::string_view word) {
  return word.size() > 1 && word[0] == '-';
}

}  // namespace

std::string Option::environment_name() const {
  return environment_name_of(flag);
}

std::string Option::config_flag() const {
  if (config.empty()) return {};
  std::string name = "--" + std::string(config.substr(config.find('.') + 1));
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

void check_value(const Option& option, const std::string& value, const std::string& called) {
  if (option.kind == OptionKind::integer) parse<int64_t>(option, value, called);
  if (option.kind == OptionKind::number) parse<double>(option, value, called);
}

Arguments::Arguments(const Command& command, std::span<const char* const> words) : command_(command) {
  take_environment();
  bool only_positionals = false;
  for (size_t index = 0; index < words.size(); ++index) {
    std::string word = words[index];
    if (only_positionals || !looks_like_option(word)) {
      positionals_.push_back(word);
      continue;
    }
    if (word == "--") {
      only_positionals = true;
      continue;
    }
    std::string value = "1";
    const size_t equals = word.starts_with("--") ? word.find('=') : std::string::npos;
    const bool has_value = equals != std::string::npos;
    if (has_value) value = word.substr(equals + 1), word.resize(equals);
    const Option& option = find(word);
    if (option.kind == OptionKind::flag) {
      if (has_value) usage_error(word + ": takes no value; leave out '=" + value + "'");
    } else if (!has_value) {
      if (++index >= words.size()) usage_error(word + ": needs a value " + std::string(option.value_name));
      value = words[index];
    }
    // The command line replaces the environment; of repeated options the last counts, but texts add up.
    const std::string flag(option.flag);
    if (given_.insert(flag).second || option.kind != OptionKind::texts) values_.erase(flag);
    take(option, value);
  }
  if (static_cast<int>(positionals_.size()) > command.max_positionals)
    usage_error("'" + positionals_.back() + "': " + std::string(command.name) + " takes " +
                (command.max_positionals == 0 ? "no" : "at most " + std::to_string(command.max_positionals)) +
                " arguments; see tidemill " + std::string(command.name) + " --help");
}

const Option& Arguments::find(std::string_view name) const {
  const auto found = std::find_if(command_.options.begin(), command_.options.end(), [&](const Option& option) {
    return option.flag == name || option.config_flag() == name;
  });
  if (found != command_.options.end()) return *found;
  std::vector<std::string> flags;
  for (const Option& option : command_.options) flags.emplace_back(option.flag);
  const std::string nearest = nearest_word(name, flags);
  usage_error(
      "'" + std::string(name) + "': no such option of " + std::string(command_.name) + "; " +
      (nearest.empty() ? "see tidemill " + std::string(command_.name) + " --help" : "did you mean '" + nearest + "'?"));
}

void Arguments::take(const Option& option, const std::string& value) {
  check_value(option, value, std::string(option.flag));
  values_[std::string(option.flag)].push_back(value);
}

void Arguments::take_environment() {
  for (const Option& option : command_.options) {
    const char* value = std::getenv(option.environment_name().c_str());
    if ((!value || !*value) && !option.config.empty())
      value = std::getenv(environment_name_of(option.config_flag()).c_str());
    if (value && *value) take(option, value);
  }
}

void Arguments::take_defaults(const std::map<std::string, std::vector<std::string>>& values) {
  for (const auto& [flag, texts] : values) values_.emplace(flag, texts);
}

bool Arguments::flag(std::string_view name) const {
  return has(name) && values_.find(name)->second.back() != "0";
}
bool Arguments::has(std::string_view name) const {
  return values_.contains(name);
}

std::string Arguments::text(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::string(find(name).fallback) : found->second.back();
}

int64_t Arguments::integer(std::string_view name) const {
  return parse<int64_t>(find(name), text(name), std::string(name));
}
double Arguments::number(std::string_view name) const {
  return parse<double>(find(name), text(name), std::string(name));
}

std::vector<std::string> Arguments::texts(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

std::string Arguments::model() const {
  if (!positionals_.empty() && given_.contains("--model"))
    usage_error("model: given twice, as '" + positionals_[0] + "' and by --model");
  if (!positionals_.empty()) return positionals_[0];
  if (has("--model")) return text("--model");
  usage_error("model: none given; name a file or a model of the store, as in: tidemill " + std::string(command_.name) +
              " gemma3-270m");
}

std::string help_text(const Command& command) {
  const std::string name = "tidemill " + std::string(command.name);
  std::string text = std::string(command.summary) + "\n\nExamples:\n" + std::string(command.examples) +
                     "\nUsage: " + name + " " + std::string(command.usage) + "\n";
  size_t width = 0;
  const auto left = [](const Option& option) {
    return std::string(option.flag) + (option.value_name.empty() ? "" : " " + std::string(option.value_name));
  };
  for (const Option& option : command.options) width = std::max(width, left(option).size());
  if (!command.options.empty()) text += "\nOptions:\n";
  for (const Option& option : command.options) {
    text += "  " + left(option) + std::string(width + 2 - left(option).size(), ' ') + std::string(option.help);
    if (!option.fallback.empty()) text += " (default " + std::string(option.fallback) + ")";
    text += "\n";
  }
  if (!command.subcommands.empty()) text += "\nSubcommands:\n";
  const auto last_word = [&](const Command* subcommand) { return subcommand->name.substr(command.name.size() + 1); };
  size_t name_width = 0;
  for (const Command* subcommand : command.subcommands) name_width = std::max(name_width, last_word(subcommand).size());
  for (const Command* subcommand : command.subcommands) {
    const std::string word(last_word(subcommand));
    text += "  " + word + std::string(name_width + 2 - word.size(), ' ') + std::string(subcommand->summary) +
            "; see tidemill " + std::string(subcommand->name) + " --help\n";
  }
  return text;
}

}  // namespace tidemill::cli
