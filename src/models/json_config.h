// Hyperparameters from a config.json, each checked against the range in which it makes sense.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemill {

// Reads the members of one object.  Getters throw bad_file, naming file and member, for a value that is missing (where
// there is no fallback), of another type or outside its range.  A member that is null counts as missing.
class JsonConfig {
 public:
  // `object` outlives this; `where` is "FILE: " or "FILE: SECTION.", for messages.
  JsonConfig(const nlohmann::json& object, std::string where);

  bool has(std::string_view name) const { return find(name) != nullptr; }
  // A count: in [1, max].
  int64_t count(std::string_view name, int64_t max) const;
  int64_t count_or(std::string_view name, int64_t max, int64_t fallback) const;
  // A finite number above zero.
  float positive(std::string_view name) const;
  float positive_or(std::string_view name, float fallback) const;
  bool flag_or(std::string_view name, bool fallback) const;
  std::string text(std::string_view name) const;
  std::string text_or(std::string_view name, std::string_view fallback) const;
  std::vector<std::string> texts(std::string_view name) const;
  std::vector<int64_t> integers(std::string_view name) const;
  // Finite numbers above zero.
  std::vector<float> positives(std::string_view name) const;
  // An object within this one; nothing when it is missing.
  std::optional<JsonConfig> section(std::string_view name) const;

  [[noreturn]] void fail(std::string_view name, const std::string& why) const;

 private:
  const nlohmann::json* find(std::string_view name) const;
  const nlohmann::json& require(std::string_view name) const;
  const nlohmann::json& require_list(std::string_view name) const;

  const nlohmann::json& object_;
  std::string where_;
};

}  // namespace tidemill
