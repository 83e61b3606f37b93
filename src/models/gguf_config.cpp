#include "models/gguf_config.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <variant>

namespace tidemill {

int64_t GgufConfig::count(std::string_view name, int64_t max) const {
  const auto value = file_.integer(key(name));
  if (!value) fail(name, "is missing");
  if (*value < 1 || *value > max) fail(name, "is " + std::to_string(*value) + ", expected 1 to " + std::to_string(max));
  return *value;
}

int64_t GgufConfig::count_or(std::string_view name, int64_t max, int64_t fallback) const {
  return file_.integer(key(name)) ? count(name, max) : fallback;
}

int64_t GgufConfig::greatest_count_or(std::string_view name, int64_t max, int64_t fallback) const {
  const auto found = file_.metadata().find(key(name));
  if (found == file_.metadata().end() || !std::holds_alternative<NumberArray>(found->second))
    return count_or(name, max, fallback);
  const NumberArray& counts = *file_.integers(key(name));
  int64_t greatest = 0;
  for (size_t index = 0; index < counts.size(); ++index) greatest = std::max(greatest, counts.integer(index));
  if (greatest < 1 || greatest > max)
    fail(name, "is at most " + std::to_string(greatest) + ", expected 1 to " + std::to_string(max));
  return greatest;
}

bool GgufConfig::has(std::string_view name) const {
  return file_.metadata().contains(key(name));
}

bool GgufConfig::flag_or(std::string_view name, bool fallback) const {
  return file_.boolean(key(name)).value_or(fallback);
}

std::string GgufConfig::text_or(std::string_view name, std::string_view fallback) const {
  return std::string(file_.string(key(name)).value_or(fallback));
}

float GgufConfig::positive(std::string_view name) const {
  const auto value = file_.number(key(name));
  if (!value) fail(name, "is missing");
  if (!std::isfinite(*value) || *value <= 0 || *value > std::numeric_limits<float>::max())
    fail(name, "is " + std::to_string(*value) + ", expected a number above 0");
  return static_cast<float>(*value);
}

float GgufConfig::positive_or(std::string_view name, float fallback) const {
  return file_.number(key(name)) ? positive(name) : fallback;
}

void GgufConfig::fail(std::string_view name, const std::string& why) const {
  throw Error(ErrorCode::bad_file,
              file_.path() + ": " + key(name) + " " + why + "; the file is damaged or not a model");
}

}  // namespace tidemill
