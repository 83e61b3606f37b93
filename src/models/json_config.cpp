#include "models/json_config.h"

#include <cmath>
#include <limits>

#include "tidemill/error.h"

namespace tidemill {

JsonConfig::JsonConfig(const nlohmann::json& object, std::string where) : object_(object), where_(std::move(where)) {
  if (!object.is_object()) throw Error(ErrorCode::bad_file, where_ + "it is no JSON object; the file is damaged");
}

const nlohmann::json* JsonConfig::find(std::string_view name) const {
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

const nlohmann::json& JsonConfig::require(std::string_view name) const {
  const nlohmann::json* const value = find(name);
  if (value == nullptr) fail(name, "is missing");
  return *value;
}

const nlohmann::json& JsonConfig::require_list(std::string_view name) const {
  const nlohmann::json& value = require(name);
  if (!value.is_array()) fail(name, "is " + value.dump() + ", expected a list");
  return value;
}

int64_t JsonConfig::count(std::string_view name, int64_t max) const {
  const nlohmann::json& value = require(name);
  const bool is_integer =
      value.is_number_integer() && !(value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{1} << 62);
  if (!is_integer || value.get<int64_t>() < 1 || value.get<int64_t>() > max)
    fail(name, "is " + value.dump() + ", expected a whole number from 1 to " + std::to_string(max));
  return value.get<int64_t>();
}

int64_t JsonConfig::count_or(std::string_view name, int64_t max, int64_t fallback) const {
  return has(name) ? count(name, max) : fallback;
}

float JsonConfig::positive(std::string_view name) const {
  const nlohmann::json& value = require(name);
  const double number = value.is_number() ? value.get<double>() : -1;
  if (!std::isfinite(number) || number <= 0 || number > std::numeric_limits<float>::max())
    fail(name, "is " + value.dump() + ", expected a number above 0");
  return static_cast<float>(number);
}

float JsonConfig::positive_or(std::string_view name, float fallback) const {
  return has(name) ? positive(name) : fallback;
}

bool JsonConfig::flag_or(std::string_view name, bool fallback) const {
  if (!has(name)) return fallback;
  const nlohmann::json& value = require(name);
  if (!value.is_boolean()) fail(name, "is " + value.dump() + ", expected true or false");
  return value.get<bool>();
}

std::string JsonConfig::text(std::string_view name) const {
  const nlohmann::json& value = require(name);
  if (!value.is_string()) fail(name, "is " + value.dump() + ", expected a string");
  return value.get<std::string>();
}

std::string JsonConfig::text_or(std::string_view name, std::string_view fallback) const {
  return has(name) ? text(name) : std::string(fallback);
}

std::vector<std::string> JsonConfig::texts(std::string_view name) const {
  std::vector<std::string> result;
  for (const nlohmann::json& value : require_list(name)) {
    if (!value.is_string()) fail(name, "holds " + value.dump() + ", expected strings");
    result.push_back(value.get<std::string>());
  }
  return result;
}

std::vector<int64_t> JsonConfig::integers(std::string_view name) const {
  std::vector<int64_t> result;
  for (const nlohmann::json& value : require_list(name)) {
    if (!value.is_number_integer()) fail(name, "holds " + value.dump() + ", expected whole numbers");
    result.push_back(value.get<int64_t>());
  }
  return result;
}

std::vector<float> JsonConfig::positives(std::string_view name) const {
  std::vector<float> result;
  for (const nlohmann::json& value : require_list(name)) {
    const float number = value.is_number() ? value.get<float>() : -1;
    if (!std::isfinite(number) || number <= 0) fail(name, "holds " + value.dump() + ", expected numbers above 0");
    result.push_back(number);
  }
  return result;
}

std::optional<JsonConfig> JsonConfig::section(std::string_view name) const {
  const nlohmann::json* const value = find(name);
  if (value == nullptr) return {};
  if (!value->is_object()) fail(name, "is " + value->dump() + ", expected an object");
  return JsonConfig(*value, where_ + std::string(name) + ".");
}

void JsonConfig::fail(std::string_view name, const std::string& why) const {
  // A value may be anything, of any length.
  throw Error(ErrorCode::bad_file,
              where_ + std::string(name) + " " + printable(why, 200) + "; the file is damaged or not a model");
}

}  // namespace tidemill
