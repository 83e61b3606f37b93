// tidemill models: what the model store holds.

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/engine_options.h"
#include "tidemill/model_store.h"

namespace tidemill::cli {
namespace {

constexpr Option kOptions[] = {kJsonOption};

int run(const Arguments& arguments) {
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

const Command kModels = {.name = "models",
                         .summary = "List the models of the model store",
                         .usage = "[--json]",
                         .examples = "  tidemill models\n  TIDEMILL_HOME=/srv/models tidemill models --json\n",
                         .options = kOptions,
                         .run = run};

}  // namespace tidemill::cli
