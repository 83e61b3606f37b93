// A stage that is a list of stages, which may be lists again.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "text/readers/json_fields.h"

namespace tidemill {

// The parts of `fields`' list `key` from `first` on, each made by make(value, where).  JSON text is nested at most some
// hundred deep where it is read, which bounds the recursion.
template <typename Make>
auto stages_from_json(const JsonFields& fields, std::string_view key, Make&& make, size_t first = 0) {
  std::vector<decltype(make(std::declval<const nlohmann::json&>(), std::string()))> stages;
  const nlohmann::json& list = fields.list(key);
  for (size_t k = first; k < list.size(); ++k) {
    stages.push_back(make(list[k], fields.where() + "." + std::string(key) + "[" + std::to_string(k) + "]"));
  }
  return stages;
}

}  // namespace tidemill
