#include "cli/ids_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/input.h"
#include "tidemill/error.h"

namespace tidemill::cli {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& why) {
  throw Error(ErrorCode::bad_file, path + ": " + why + "; expected {\"ids\":[1,2,3]}");
}

nlohmann::json parse(const std::string& path) {
  try {
    return nlohmann::json::parse(read_all(path));
  } catch (const nlohmann::json::exception& problem) {
    fail(path, problem.what());
  }
}

std::vector<int32_t> read_list(const std::string& path, const nlohmann::json& file, const std::string& name) {
  if (!file.is_object() || !file.contains(name) || !file[name].is_array()) fail(path, "has no list \"" + name + "\"");
  std::vector<int32_t> list;
  for (const auto& value : file[name]) {
    if (!value.is_number_integer() || value.get<int64_t>() < 0 || value.get<int64_t>() > INT32_MAX)
      fail(path, name + "[" + std::to_string(list.size()) + "] is not a number from 0 to 2147483647");
    list.push_back(value.get<int32_t>());
  }
  return list;
}

// How many ids a mask keeps.
size_t count_kept(const std::string& path, const std::vector<int32_t>& mask) {
  const auto padding = std::ranges::find_if(mask, [](int32_t keep) { return keep != 1; });
  const auto wrong = std::find_if(padding, mask.end(), [](int32_t keep) { return keep != 0; });
  if (wrong != mask.end())
    fail(path, "mask[" + std::to_string(wrong - mask.begin()) + "] is " + std::to_string(*wrong) +
                   "; a mask is ones and then zeros, since padding stands at the end");
  if (padding == mask.begin()) fail(path, "the mask keeps no id");
  return static_cast<size_t>(padding - mask.begin());
}

}  // namespace

IdsFile read_ids_file(const std::string& path) {
  const nlohmann::json file = parse(path);
  IdsFile result{.ids = read_list(path, file, "ids"), .types = {}, .n_kept = 0};
  if (result.ids.empty()) fail(path, "the list \"ids\" is empty");
  const auto read_beside_ids = [&](const std::string& name) {
    std::vector<int32_t> list = read_list(path, file, name);
    if (list.size() != result.ids.size())
      fail(path, "has " + std::to_string(result.ids.size()) + " ids and " + std::to_string(list.size()) + " in \"" +
                     name + "\"");
    return list;
  };
  result.n_kept = file.contains("mask") ? count_kept(path, read_beside_ids("mask")) : result.ids.size();
  if (file.contains("types")) result.types = read_beside_ids("types");
  return result;
}

}  // namespace tidemill::cli
