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

// Moves the model of that name, if there is one.
template <typename Model>
void take(std::list<Model>& models, const std::string& name, std::list<Model>& taken) {
  const auto found = std::find_if(models.begin(), models.end(), [&](const Model& model) { return model.name == name; });
  if (found != models.end()) taken.splice(taken.end(), models, found);
}

// The model of a request; `why_not` says why it cannot be one of the others.
template <typename Model, typename Other>
Model& choose(std::list<Model>& models, const std::optional<std::string>& name, std::list<Other>& others,
              const char* why_not) {
  if (!name && models.size() == 1) return models.front();
  if (!name) throw ApiError(400, "'model': is missing; GET /v1/models lists them", "model");
  if (Model* found = find_in(models, *name)) return *found;
  if (find_in(others, *name) != nullptr)
    throw ApiError(400, "'model': '" + *name + "' " + why_not, "model", "invalid_value");
  throw ApiError(404, "'model': '" + printable(*name, 100) + "' is not served here; GET /v1/models lists what is",
                 "model", "model_not_found");
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
      service(engine, its_service_options) {
  engine.tokenizer();  // throws for a model without one: it could not be asked anything
}

uint64_t ServedModel::submit(Submission submission) {
  submission.on_end = [this, client = submission.client, told = std::move(submission.on_end),
                       since = Stopwatch()](Result&& result) {
    if (observer) observer(name, client, result, since.seconds());
    if (told) told(std::move(result));
  };
  return service.submit(std::move(submission));
}

void ServedModels::add(std::string name, const std::string& path, const EngineOptions& engine_options,
                       const ServiceOptions& service_options) {
  {
    const std::shared_lock lock(mutex_);
    if (find_in(models_, name) != nullptr || find_in(embedders_, name) != nullptr)
      throw Error(ErrorCode::invalid_argument, "--model: '" + name + "' is given twice; name each, as in NAME=MODEL");
  }
  std::list<ServedModel> loaded;
  std::list<ServedEmbedder> loaded_embedders;
  if (inspect_model(path).is_encoder)
    loaded_embedders.emplace_back(std::move(name), path, engine_options, service_options.max_queued);
  else
    loaded.emplace_back(std::move(name), path, engine_options, service_options, observer_);
  const std::unique_lock lock(mutex_);
  models_.splice(models_.end(), loaded);
  embedders_.splice(embedders_.end(), loaded_embedders);
}

void ServedModels::remove(const std::string& name) {
  const std::unique_lock lock(mutex_);
  Removed removed{.model = {}, .embedder = {}, .last_user = latest_};
  take(models_, name, removed.model);
  take(embedders_, name, removed.embedder);
  if (removed.model.empty() && removed.embedder.empty())
    throw ApiError(404, "'" + printable(name, 100) + "' is not served here; GET /v1/models lists what is", "model",
                   "model_not_found");
  removed_.push_back(std::move(removed));
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
  return {models_.begin(), models_.end()};
}

std::vector<std::reference_wrapper<const ServedEmbedder>> ServedModels::embedders() const {
  const std::shared_lock lock(mutex_);
  return {embedders_.begin(), embedders_.end()};
}

ServedModel& ServedModels::find(const std::optional<std::string>& name) {
  const std::shared_lock lock(mutex_);
  return choose(models_, name, embedders_, "makes embeddings only; ask /v1/embeddings");
}

ServedEmbedder& ServedModels::find_embedder(const std::optional<std::string>& name) {
  const std::shared_lock lock(mutex_);
  return choose(embedders_, name, models_, "makes no embeddings; serve an encoder for them");
}

}  // namespace tidemill::serve
