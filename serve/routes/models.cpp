// GET /v1/models and /v1/models/{}: what is served.  For administrators: POST /v1/models loads another model,
//   {"id": NAME, "path": MODEL} -> the model        DELETE /v1/models/{} ends serving one.
// A fine-tune of a served model: {"id": NAME, "delta": DELTA, "base": NAME}; without "base", of the only one.
#include <nlohmann/json.hpp>

#include "serve/api_error.h"
#include "serve/fields.h"
#include "serve/generation.h"
#include "serve/routes.h"

namespace tidemill::serve {
namespace {

constexpr size_t kMostNameBytes = 200;

nlohmann::json describe(const std::string& name, int64_t created, int64_t context_length) {
  return {{"id", name},
          {"object", "model"},
          {"created", created},
          {"owned_by", "tidemill"},
          {"context_length", context_length},
          {"max_model_len", context_length}};
}

nlohmann::json list_models(const ServedModels& models) {
  auto list = nlohmann::json::array();
  for (const ServedModel& model : models.all())
    list.push_back(describe(model.name, model.created, model.engine.context_length()));
  for (const ServedEmbedder& model : models.embedders())
    list.push_back(describe(model.name, model.created, model.embedder.max_tokens()));
  for (const ServedReranker& model : models.rerankers())
    list.push_back(describe(model.name, model.created, model.reranker.max_tokens()));
  return list;
}

// The one of this name; null when there is none.
nlohmann::json find_model(const ServedModels& models, const std::string& name) {
  for (const nlohmann::json& model : list_models(models))
    if (model["id"] == name) return model;
  return {};
}

}  // namespace

void get_models(App& app, const HttpRequest&, const std::shared_ptr<Answer>& answer) {
  answer->send({.body = to_text({{"object", "list"}, {"data", list_models(app.models)}})});
}

void post_models(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer) {
  const nlohmann::json body = parse_body(request.body);
  const Fields fields(body, "");
  const auto id = fields.text("id"), path = fields.text("path"), delta = fields.text("delta");
  if (!id || id->empty() || id->size() > kMostNameBytes) fields.fail("id", "must be a name of 1 to 200 bytes");
  if (delta && path) fields.fail("path", "stands beside 'delta'; give one of them");
  const std::string field = delta ? "delta" : "path";
  if (delta ? delta->empty() : !path || path->empty())
    fields.fail(field, "is missing; give a file or a model of the store");
  if (!find_model(app.models, *id).is_null())
    throw ApiError(409, "'id': '" + printable(*id) + "' is served already", "id", "model_exists");
  std::unique_lock lock(app.loading, std::try_to_lock);
  if (!lock) throw ApiError(409, "another model is being loaded; try again when it is there", {}, "loading");
  try {
    if (delta)
      app.models.add_delta(*id, fields.text("base"), *delta, app.engine_options, app.service_options);
    else
      app.models.add(*id, *path, app.engine_options, app.service_options);
    lock.unlock();  // who has the answer may ask for the next one
    answer->send({.status = 201, .body = to_text(find_model(app.models, *id))});
  } catch (const Error& error) {
    // Memory that is not there is not taken from models that answer.
    const bool is_full = error.code() == ErrorCode::out_of_memory;
    throw ApiError(is_full ? 503 : 400, "'" + field + "': " + printable(error.what()), field, to_string(error.code()));
  }
}

void delete_model(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer) {
  const std::string& id = request.parts.at(0);
  app.models.remove(id);
  answer->send({.body = to_text({{"id", id}, {"object", "model"}, {"deleted", true}})});
}

void get_model(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer) {
  const std::string& name = request.parts.at(0);
  const nlohmann::json model = find_model(app.models, name);
  if (model.is_null()) app.models.find(name);  // says that there is none
  answer->send({.body = to_text(model)});
}

}  // namespace tidemill::serve
