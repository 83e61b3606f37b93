#include "text/readers/json_fields.h"

namespace tidemill {

using nlohmann::json;

JsonFields::JsonFields(const json& object, const std::string& where) : object_(object), where_(where) {
  if (object.is_object()) return;
  throw Error(ErrorCode::bad_file, where + " is no JSON object; get the file again from where it was published");
}

bool JsonFields::has(std::string_view key) const {
  const auto found = object_.find(key);
  return found != object_.end() && !found->is_null();
}

const json& JsonFields::at(std::string_view key, std::string_view expected, bool (json::*is)() const) const {
  const auto found = object_.find(key);
  if (found == object_.end()) fail(key, "is missing");
  if (!((*found).*is)()) fail(key, "is not " + std::string(expected));
  return *found;
}

std::string JsonFields::text(std::string_view key) const {
  return at(key, "a string", &json::is_string).get<std::string>();
}

bool JsonFields::boolean(std::string_view key) const {
  return at(key, "true or false", &json::is_boolean).get<bool>();
}

int64_t JsonFields::integer(std::string_view key, int64_t min, int64_t max) const {
  const json& value = at(key, "an integer", &json::is_number_integer);
  const bool fits = value.is_number_unsigned() ? value.get<uint64_t>() <= static_cast<uint64_t>(INT64_MAX) : true;
  if (!fits || value.get<int64_t>() < min || value.get<int64_t>() > max) {
    fail(key, "is " + value.dump() + ", not " + std::to_string(min) + " to " + std::to_string(max));
  }
  return value.get<int64_t>();
}

const json& JsonFields::value(std::string_view key) const {
  const auto found = object_.find(key);
  if (found == object_.end()) fail(key, "is missing");
  return *found;
}

const json& JsonFields::list(std::string_view key) const {
  return at(key, "a list", &json::is_array);
}

const json& JsonFields::object(std::string_view key) const {
  return at(key, "an object", &json::is_object);
}

std::string JsonFields::text_or(std::string_view key, std::string fallback) const {
  return has(key) ? text(key) : fallback;
}

bool JsonFields::boolean_or(std::string_view key, bool fallback) const {
  return has(key) ? boolean(key) : fallback;
}

int64_t JsonFields::integer_or(std::string_view key, int64_t min, int64_t max, int64_t fallback) const {
  return has(key) ? integer(key, min, max) : fallback;
}

void JsonFields::fail(std::string_view key, const std::string& why) const {
  throw Error(ErrorCode::bad_file,
              where_ + "." + std::string(key) + " " + why + "; get the file again from where it was published");
}

void JsonFields::fail_unsupported(std::string_view key, const std::string& why) const {
  throw Error(ErrorCode::unsupported,
              where_ + "." + std::string(key) + " " + why + "; see docs/tokenizers.md for what is read");
}

}  // namespace tidemill
