// Fields: typed, bounded reading of a request's JSON.  A wrong type or a value out of range is an ApiError 400 that
// names the field; what nobody asks for is ignored, as OpenAI does; null counts as absent.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemill::serve {

class Fields {
 public:
  // Reads an object.  `path` is what messages put before its fields, "stream_options." or nothing.
  Fields(const nlohmann::json& object, std::string path);

  const nlohmann::json* find(std::string_view name) const;  // null when absent
  std::optional<bool> boolean(std::string_view name) const;
  std::optional<int64_t> integer(std::string_view name, int64_t least, int64_t most) const;
  std::optional<double> number(std::string_view name, double least, double most) const;
  std::optional<std::string> text(std::string_view name) const;
  // A text, or a list of at most `most` of them, each of at most `most_bytes` bytes.
  std::vector<std::string> texts(std::string_view name, size_t most, size_t most_bytes) const;
  std::optional<Fields> object(std::string_view name) const;
  // Those of a list: `place` is "messages[3]".  Fails when it is no object.
  Fields entry(const std::string& place, const nlohmann::json& object) const;
  // Throws the error that says what `name` must be.
  [[noreturn]] void fail(std::string_view name, const std::string& why) const;

 private:
  const nlohmann::json* object_;  // outlives this object
  std::string path_;
};

// The JSON object in a request's body.  Throws ApiError 400 for what is no object, is nested more than 64 deep or is
// not UTF-8.
nlohmann::json parse_body(const std::string& body);

// One member of such an object, its keys in the order in which they were sent: that is how templates show it to models.
// Throws ApiError 400 naming the member for an object of more than 1,000 keys.
nlohmann::ordered_json parse_in_order(const std::string& body, const std::string& name);

}  // namespace tidemill::serve
