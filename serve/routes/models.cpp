// GET /v1/models and /v1/models/{}: what is served.
#include <nlohmann/json.hpp>

#include "serve/generation.h"
#include "serve/routes.h"

namespace tidemill::serve {
namespace {

nlohmann::json to_json(const ServedModel& model) {
  return {{"id", model.name},
          {"object", "model"},
          {"created", model.created},
          {"owned_by", "tidemill"},
          {"context_length", model.engine.context_length()}};
}

}  // namespace

void get_models(App& app, const HttpRequest&, const std::shared_ptr<Answer>& answer) {
  auto list = nlohmann::json::array();
  for (const ServedModel& model : app.models.all()) list.push_back(to_json(model));
  answer->send({.body = to_text({{"object", "list"}, {"data", list}})});
}

void get_model(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer) {
  answer->send({.body = to_text(to_json(app.models.find(request.parts.at(0))))});
}

}  // namespace tidemill::serve
