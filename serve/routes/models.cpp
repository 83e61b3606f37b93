// GET /v1/models and /v1/models/{}: what is served.  For administrators: POST /v1/models loads another model,
//   {"id": NAME, "path": MODEL} -> the model        DELETE /v1/models/{} ends serving one.
#include <nlohmann/json.hpp>

#include "serve/api_error.h"
#include "serve/fields.h"
#include "serve/generation.h"
#include "serve/routes.h"

namespace tidemill::serve {
namespace {

constexpr size_t kMostNameBytes = 200;

nlohmann::json to_json(const ServedModel& model) {
  return {{"id", model.name},
          {"object", "model"},
          {"created", model.created},
          {"owned_by", "tidemill"},
          {"context_length", model.engine.context_length()},
          {"max_model_len", model.engine.context_length()}};
}

}  // namespace

void get_models(App& app, const HttpRequest&, const std::shared_ptr<Answer>& answer) {
  auto list = nlohmann::json::array();
  for (const ServedModel& model : app.models.all()) list.push_back(to_json(model));
  answer->send({.body = to_text({{"object", "list"}, {"data", list}})});
}

void post_models(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer) {
  const nlohmann::json body = parse_body(request.body);
  const Fields fields(body, "");
  const auto id = fields.text("id"), path = fields.text("path");
  if (!id || id->empty() || id->size() > kMostNameBytes) fields.fail("id", "must be a name of 1 to 200 bytes");
  if (!path || path->empty()) fields.fail("path", "is missing; give a file or a model of the store");
  for (const ServedModel& model : app.models.all())
    if (model.name == *id)
      throw ApiError(409, "'id': '" + printable(*id) + "' is served already", "id", "model_exists");
  const std::unique_lock lock(app.loading, std::try_to_lock);
  if (!lock) throw ApiError(409, "another model is being loaded; try again when it is there", {}, "loading");
  try {
    const ServedModel& model = app.models.add(*id, *path, app.engine_options, app.service_options);
    answer->send({.status = 201, .body = to_text(to_json(model))});
  } catch (const Error& error) {
    // Memory that is not there is not taken from models that answer.
    const bool is_full = error.code() == ErrorCode::out_of_memory;
    throw ApiError(is_full ? 503 : 400, "'path': " + printable(error.what()), "path", to_string(error.code()));
  }
}

void delete_model(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer) {
  const std::string& id = request.parts.at(0);
  app.models.remove(id);
  answer->send({.body = to_text({{"id", id}, {"object", "model"}, {"deleted", true}})});
}

void get_model(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer) {
  answer->send({.body = to_text(to_json(app.models.find(request.parts.at(0))))});
}

}  // namespace tidemill::serve
