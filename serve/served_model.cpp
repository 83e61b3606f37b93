#include "serve/served_model.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <mutex>
#include <utility>

#include "serve/api_error.h"
#include "tidemill/model_info.h"
#include "tidemill/stopwatch.h"
#include "tidemill/system.h"

namespace tidemill::serve {
namespace {

constexpr int64_t kDefaultContext = 4096;
constexpr auto kCollectionPause = std::chrono::milliseconds(50);

// The options with a context chosen: many texts at once need many states, so it is not the model's whole one unless
// asked for.  Throws out_of_memory for what could not be held at the worst.
EngineOptions with_context(EngineOptions options, const std::string& path, const ServiceOptions& service) {
  if (options.context_length == 0)
    options.context_length = std::min(kDefaultContext, inspect_model(path).context_length);
  const int64_t n_states = service.max_running;
  const int64_t needed = inspect_model(path, options.context_length, n_states).memory.total() + service.max_kept_bytes;
  const int64_t available = available_memory_bytes();
  const auto megabytes = [](int64_t bytes) { return std::to_string(bytes / 1'000'000) + " MB"; };
  if (available > 0 && needed > available)
    throw Error(ErrorCode::out_of_memory, path + ": " + std::to_string(n_states) + " texts of " +
                                              std::to_string(options.context_length) + " tokens may need " +
                                              megabytes(needed) + ", " + megabytes(available) +
                                              " are free; lower --ctx, --max-running or --prefix-cache-mib");
  return options;
}

// Null when there is none.
template <typename Model>
Model* find_in(std::list<Model>& models, const std::string& name) {
  const auto found = std::find_if(models.begin(), models.end(), [&](const Model& model) { return model.name == name; });
  return found == models.end() ? nullptr : &*found;
}

// What a model is asked for, to those who ask it for something else.
const char* use_of(const ServedModel&) {
  return "writes texts only; ask /v1/completions";
}
const char* use_of(const ServedEmbedder&) {
  return "makes embeddings only; ask /v1/embeddings";
}
const char* use_of(const ServedReranker&) {
  return "orders documents only; ask /rerank";
}

}  // namespace

ServedModel::ServedModel(std::string its_name, const std::string& path, const EngineOptions& engine_options,
                         const ServiceOptions& its_service_options, TextObserver its_observer)
    : name(std::move(its_name)),
      engine(Engine::load(path, with_context(engine_options, path, its_service_options))),
      chat_template(engine.chat_template()),
      created(std::time(nullptr)),
      service_options(its_service_options),
      observer(std::move(its_observer)),
      service(std::make_shared<Service>(engine, its_service_options)) {
  engine.tokenizer();  // throws for a model without one: it could not be asked anything
}

ServedModel::ServedModel(std::string its_name, const ServedModel& base, const std::string& delta)
    : name(std::move(its_name)),
      engine(base.engine.with_deltas({delta})),
      chat_template(engine.chat_template()),
      created(std::time(nullptr)),
      service_options(base.service_options),
      observer(base.observer),
      service(base.service) {}

uint64_t ServedModel::submit(Submission submission) {
  submission.on_end = [this, client = submission.client, told = std::move(submission.on_end),
                       since = Stopwatch()](Result&& result) {
    if (observer) observer(name, client, result, since.seconds());
    if (told) told(std::move(result));
  };
  submission.engine = engine;
  return service->submit(std::move(submission));
}

bool ServedModels::is_served(const std::string& name) {
  bool is_found = false;
  models_.for_each([&](auto& models) { is_found |= find_in(models, name) != nullptr; });
  return is_found;
}

void ServedModels::add(std::string name, const std::string& path, const EngineOptions& engine_options,
                       const ServiceOptions& service_options) {
  require_new(name, engine_options.deltas.empty() ? "--model" : "--delta");
  ModelLists loaded;
  const ModelInfo info = inspect_model(path);
  EngineOptions of_encoder = engine_options;  // whose texts are often shorter than what is meant for all models
  of_encoder.context_length = std::min(of_encoder.context_length, info.context_length);
  if (info.is_reranker)
    loaded.rerankers.emplace_back(std::move(name), path, of_encoder, service_options.max_queued);
  else if (info.is_encoder)
    loaded.embedders.emplace_back(std::move(name), path, of_encoder, service_options.max_queued);
  else
    loaded.texts.emplace_back(std::move(name), path, engine_options, service_options, observer_);
  add_loaded(loaded);
}

void ServedModels::require_new(const std::string& name, const char* option) {
  const std::shared_lock lock(mutex_);
  if (is_served(name))
    throw Error(ErrorCode::invalid_argument,
                std::string(option) + ": '" + name + "' is given twice; name each, as in NAME=FILE");
}

void ServedModels::add_loaded(ModelLists& loaded) {
  const std::unique_lock lock(mutex_);
  models_.for_each_with(loaded, [](auto& models, auto& added) { models.splice(models.end(), added); });
}

// Of that name, or the only one that is no fine-tune itself; null for none or several.
ServedModel* ServedModels::find_base(const std::optional<std::string>& name) {
  const std::shared_lock lock(mutex_);
  if (name) return find_in(models_.texts, *name);
  ServedModel* found = nullptr;
  for (ServedModel& model : models_.texts) {
    if (model.is_fine_tune()) continue;
    if (found != nullptr) return nullptr;
    found = &model;
  }
  return found;
}

std::optional<std::string> ServedModels::add_delta(std::string name, const std::optional<std::string>& base,
                                                   const std::string& delta, const EngineOptions& engine_options,
                                                   const ServiceOptions& service_options) {
  const Lease stay = lease();
  EngineOptions own_options = engine_options;
  own_options.deltas = {delta};
  ServedModel* const model = find_base(base);
  if (model == nullptr) {
    add(std::move(name), path_of(base), own_options, service_options);
    return std::nullopt;
  }
  require_new(name, "--delta");
  try {
    ModelLists loaded;
    loaded.texts.emplace_back(name, *model, delta);
    add_loaded(loaded);
    return std::nullopt;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unsupported || model->is_fine_tune()) throw;
    const std::string path = model->engine.path();
    add(std::move(name), path, own_options, service_options);
    return error.what();
  }
}

// Of the file of a served encoder.
std::string ServedModels::path_of(const std::optional<std::string>& name) {
  const std::shared_lock lock(mutex_);
  if (name) {
    if (const auto* model = find_in(models_.embedders, *name)) return model->embedder.engine().path();
    if (const auto* model = find_in(models_.rerankers, *name)) return model->reranker.engine().path();
  } else if (models_.texts.empty() && models_.embedders.size() + models_.rerankers.size() == 1) {
    return models_.embedders.empty() ? models_.rerankers.front().reranker.engine().path()
                                     : models_.embedders.front().embedder.engine().path();
  }
  throw ApiError(404,
                 name ? "'base': '" + printable(*name, 100) + "' is not served here; GET /v1/models lists what is"
                      : "'base': is missing; name the served model that the delta was made from",
                 "base", "model_not_found");
}

void ServedModels::remove(const std::string& name) {
  const std::unique_lock lock(mutex_);
  if (!is_served(name))
    throw ApiError(404, "'" + printable(name, 100) + "' is not served here; GET /v1/models lists what is", "model",
                   "model_not_found");
  Removed& removed = removed_.emplace_back();
  removed.last_user = latest_;
  models_.for_each_with(removed.lists, [&](auto& models, auto& taken) {
    const auto found =
        std::find_if(models.begin(), models.end(), [&](const auto& model) { return model.name == name; });
    if (found != models.end()) taken.splice(taken.end(), models, found);
  });
  latest_->next = std::make_shared<Epoch>();
  latest_ = latest_->next;
}

ServedModels::Lease ServedModels::lease() const {
  const std::shared_lock lock(mutex_);
  return latest_;
}

// Whoever lets go of a lease may be the removed model's own thread, which cannot end itself: so somebody else looks.
void ServedModels::free_removed(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::this_thread::sleep_for(kCollectionPause);
    std::list<Removed> unused;  // freed after the lock
    const std::unique_lock lock(mutex_);
    for (auto entry = removed_.begin(); entry != removed_.end();) {
      const auto next = std::next(entry);
      if (entry->last_user.expired()) unused.splice(unused.end(), removed_, entry);
      entry = next;
    }
  }
}

std::vector<std::reference_wrapper<const ServedModel>> ServedModels::all() const {
  const std::shared_lock lock(mutex_);
  return {models_.texts.begin(), models_.texts.end()};
}

std::vector<std::reference_wrapper<const ServedEmbedder>> ServedModels::embedders() const {
  const std::shared_lock lock(mutex_);
  return {models_.embedders.begin(), models_.embedders.end()};
}

std::vector<std::reference_wrapper<const ServedReranker>> ServedModels::rerankers() const {
  const std::shared_lock lock(mutex_);
  return {models_.rerankers.begin(), models_.rerankers.end()};
}

template <typename Model>
Model& ServedModels::choose(std::list<Model>& models, const std::optional<std::string>& name) {
  const std::shared_lock lock(mutex_);
  if (!name && models.size() == 1) return models.front();
  if (!name) throw ApiError(400, "'model': is missing; GET /v1/models lists them", "model");
  if (Model* found = find_in(models, *name)) return *found;
  models_.for_each([&](auto& others) {
    if (const auto* other = find_in(others, *name))
      throw ApiError(400, "'model': '" + *name + "' " + use_of(*other), "model", "invalid_value");
  });
  throw ApiError(404, "'model': '" + printable(*name, 100) + "' is not served here; GET /v1/models lists what is",
                 "model", "model_not_found");
}

ServedModel& ServedModels::find(const std::optional<std::string>& name) {
  return choose(models_.texts, name);
}

ServedEmbedder& ServedModels::find_embedder(const std::optional<std::string>& name) {
  return choose(models_.embedders, name);
}

ServedReranker& ServedModels::find_reranker(const std::optional<std::string>& name) {
  return choose(models_.rerankers, name);
}

}  // namespace tidemill::serve
