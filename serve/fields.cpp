#include "serve/fields.h"

#include "serve/api_error.h"

namespace tidemill::serve {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 64;
constexpr size_t kMostKeys = 1000;  // of an object in order, which is searched from its beginning for each key

std::string range(const auto& least, const auto& most) {
  return json(least).dump() + " to " + json(most).dump();
}

}  // namespace

Fields::Fields(const json& object, std::string path) : object_(&object), path_(std::move(path)) {}

void Fields::fail(std::string_view name, const std::string& why) const {
  const std::string param = path_ + std::string(name);
  throw ApiError(400, "'" + param + "': " + why, param, "invalid_value");
}

const json* Fields::find(std::string_view name) const {
  const auto found = object_->find(name);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

std::optional<bool> Fields::boolean(std::string_view name) const {
  const json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) fail(name, "must be true or false");
  return value->get<bool>();
}

std::optional<int64_t> Fields::integer(std::string_view name, int64_t least, int64_t most) const {
  const json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_integer()) fail(name, "must be an integer");
  const bool is_huge = value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
  if (is_huge || value->get<int64_t>() < least || value->get<int64_t>() > most)
    fail(name, "must be from " + range(least, most));
  return value->get<int64_t>();
}

std::optional<double> Fields::number(std::string_view name, double least, double most) const {
  const json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) fail(name, "must be a number");
  const auto number = value->get<double>();
  if (!(number >= least && number <= most)) fail(name, "must be from " + range(least, most));
  return number;
}

std::optional<std::string> Fields::text(std::string_view name) const {
  const json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) fail(name, "must be a string");
  return value->get<std::string>();
}

std::vector<std::string> Fields::texts(std::string_view name, size_t most, size_t most_bytes) const {
  const json* value = find(name);
  if (value == nullptr) return {};
  const json list = value->is_array() ? *value : json::array({*value});
  if (list.size() > most) fail(name, "has more than " + std::to_string(most) + " entries");
  std::vector<std::string> texts;
  for (const json& entry : list) {
    if (!entry.is_string()) fail(name, "must be a string or a list of strings");
    texts.push_back(entry.get<std::string>());
    if (texts.back().size() > most_bytes) fail(name, "is longer than " + std::to_string(most_bytes) + " bytes");
  }
  return texts;
}

std::optional<Fields> Fields::object(std::string_view name) const {
  const json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) fail(name, "must be an object");
  return Fields(*value, path_ + std::string(name) + ".");
}

Fields Fields::entry(const std::string& place, const json& object) const {
  if (!object.is_object()) fail(place, "must be an object");
  return Fields(object, path_ + place + ".");
}

json parse_body(const std::string& body) {
  // The parser itself keeps a stack of its own, but what it makes is destroyed and read by recursion.
  const auto limit_depth = [](int depth, json::parse_event_t event, json&) {
    if ((event == json::parse_event_t::object_start || event == json::parse_event_t::array_start) && depth >= kMaxDepth)
      throw ApiError(400, "body: JSON is nested more than " + std::to_string(kMaxDepth) + " deep");
    return true;
  };
  json object;
  try {
    object = json::parse(body, limit_depth);
  } catch (const json::exception& error) {
    const std::string what = error.what();
    throw ApiError(400, "body: is not JSON; " + printable(what.substr(what.find(']') + 2)));
  }
  if (!object.is_object()) throw ApiError(400, "body: must be a JSON object");
  return object;
}

nlohmann::ordered_json parse_in_order(const std::string& body, const std::string& name) {
  using nlohmann::ordered_json;
  std::vector<size_t> n_keys(kMaxDepth + 2);
  bool is_wanted = false;  // what is read now is in that member
  const auto choose = [&](int depth, ordered_json::parse_event_t event, ordered_json& value) {
    if (event == ordered_json::parse_event_t::object_start) n_keys[static_cast<size_t>(depth) + 1] = 0;
    if (event != ordered_json::parse_event_t::key) return true;
    if (depth == 1) return is_wanted = value == name;
    if (is_wanted && ++n_keys[static_cast<size_t>(depth)] > kMostKeys)
      throw ApiError(400, "'" + name + "': an object has more than " + std::to_string(kMostKeys) + " keys", name,
                     "invalid_value");
    return true;
  };
  ordered_json object = ordered_json::parse(body, choose, /*allow_exceptions=*/false);
  return object.is_object() && object.contains(name) ? std::move(object[name]) : ordered_json();
}

}  // namespace tidemill::serve
