// tidemill models: what the model store holds.

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/engine_options.h"
#include "tidemill/model_info.h"
#include "tidemill/model_store.h"

namespace tidemill::cli {
namespace {

constexpr Option kOptions[] = {
    {.flag = "--architectures", .help = "list the architectures that this build runs instead"},
    kJsonOption,
};

// A name of a file format, or a dash where it is not read.
std::string or_dash(std::string_view name) {
  return name.empty() ? "-" : std::string(name);
}

int list_architectures(bool as_json) {
  nlohmann::json list = nlohmann::json::array();
  if (!as_json) std::printf("%-12s %-12s %-24s %s\n", "NAME", "GGUF", "CONFIG.JSON", "MODELS");
  for (const Architecture& one : architectures()) {
    list.push_back(
        {{"name", one.name}, {"gguf", one.gguf}, {"transformers", one.transformers}, {"models", one.models}});
    if (!as_json)
      std::printf("%-12s %-12s %-24s %s\n", std::string(one.name).c_str(), or_dash(one.gguf).c_str(),
                  or_dash(one.transformers).c_str(), std::string(one.models).c_str());
  }
  if (as_json) std::printf("%s\n", nlohmann::json{{"architectures", list}}.dump().c_str());
  return 0;
}

int run(const Arguments& arguments) {
  if (arguments.flag("--architectures")) return list_architectures(arguments.flag("--json"));
  const auto models = list_models();
  if (arguments.flag("--json")) {
    nlohmann::json list = nlohmann::json::array();
    for (const StoredModel& model : models)
      list.push_back({{"name", model.name}, {"path", model.path}, {"size_bytes", model.size_bytes}});
    std::printf("%s\n", nlohmann::json{{"models", list}}.dump().c_str());
    return 0;
  }
  for (const StoredModel& model : models)
    std::printf("%-24s %8.1f MB  %s\n", model.name.c_str(), static_cast<double>(model.size_bytes) / 1e6,
                model.path.c_str());
  if (models.empty())
    std::fprintf(stderr, "no models in %s/models; `./dev run` fetches gemma3-270m\n", store_folder().c_str());
  return 0;
}

}  // namespace

const Command kModels = {
    .name = "models",
    .summary = "List the models of the model store",
    .usage = "[--architectures] [--json]",
    .examples =
        "  tidemill models\n  tidemill models --architectures\n  TIDEMILL_HOME=/srv/models tidemill models --json\n",
    .options = kOptions,
    .run = run};

}  // namespace tidemill::cli
