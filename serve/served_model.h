// What the server serves: models by name, each with the service that runs it.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "serve/served_embedder.h"
#include "serve/served_reranker.h"
#include "tidemill/chat_template.h"
#include "tidemill/service.h"

namespace tidemill::serve {

// Told of each text that has ended of its own accord or by its client, with the seconds since it was asked for.
using TextObserver =
    std::function<void(const std::string& model, const std::string& client, const Result& result, double seconds)>;

struct ServedModel {
  // A context length of 0 means 4,096 positions, or the model's own when that is less.  Throws what Engine::load and
  // Service throw.
  ServedModel(std::string its_name, const std::string& path, const EngineOptions& engine_options,
              const ServiceOptions& its_service_options, TextObserver its_observer);
  // A fine-tune that shares the weights and the service of `base`.  Throws what Engine::with_deltas throws.
  ServedModel(std::string its_name, const ServedModel& base, const std::string& delta);

  bool is_fine_tune() const { return engine.fine_tune() != nullptr; }
  // Service::submit, with the observer told of the end.
  uint64_t submit(Submission submission);

  std::string name;
  Engine engine;
  std::optional<ChatTemplate> chat_template;  // none for a model that was not trained to chat
  int64_t created;                            // seconds since 1970
  ServiceOptions service_options;
  TextObserver observer;
  std::shared_ptr<Service> service;
};

// Models by what they are asked for.
struct ModelLists {
  std::list<ServedModel> texts;
  std::list<ServedEmbedder> embedders;
  std::list<ServedReranker> rerankers;

  // Calls `visit` with the list of each kind, and with that of another object beside it.
  void for_each(auto&& visit) { visit(texts), visit(embedders), visit(rerankers); }
  void for_each_with(ModelLists& other, auto&& visit) {
    visit(texts, other.texts), visit(embedders, other.embedders), visit(rerankers, other.rerankers);
  }
};

// May be used from any thread.
class ServedModels {
 public:
  // Who is told of texts; to be set before any model is added.
  void set_observer(TextObserver observer) { observer_ = std::move(observer); }
  // Loads a model, which takes a while, and serves it from then on: a cross-encoder for rankings, another encoder
  // for embeddings, others for texts.
  void add(std::string name, const std::string& path, const EngineOptions& engine_options,
           const ServiceOptions& service_options);
  // Serves a fine-tune of the served model `base`; without a name, of the only one.  Over that model's weights where it
  // can, else, and of encoders, as a model of its own; returns why, or nothing.  Throws ApiError 404 for the base.
  std::optional<std::string> add_delta(std::string name, const std::optional<std::string>& base,
                                       const std::string& delta, const EngineOptions& engine_options,
                                       const ServiceOptions& service_options);
  // Serves the model to nobody else from now on; its memory comes back when the last who may use it has his answer.
  // Throws ApiError 404.
  void remove(const std::string& name);
  std::vector<std::reference_wrapper<const ServedModel>> all() const;
  std::vector<std::reference_wrapper<const ServedEmbedder>> embedders() const;
  std::vector<std::reference_wrapper<const ServedReranker>> rerankers() const;
  // The model of this name; without one, the only model of its kind.  Throws ApiError for the field "model": 404, and
  // 400 for a model of another kind.
  ServedModel& find(const std::optional<std::string>& name);
  ServedEmbedder& find_embedder(const std::optional<std::string>& name);
  ServedReranker& find_reranker(const std::optional<std::string>& name);

  // Models that `all` and `find` give stay at least as long as a lease that was taken before.
  using Lease = std::shared_ptr<const void>;
  Lease lease() const;

 private:
  // A lease holds all later ones: a model that was removed when `this` was the latest waits for this one only.
  struct Epoch {
    std::shared_ptr<Epoch> next;
  };
  struct Removed {
    ModelLists lists;  // one model
    std::weak_ptr<Epoch> last_user;
  };
  void free_removed(const std::stop_token& stop);
  bool is_served(const std::string& name);
  void require_new(const std::string& name, const char* option);
  void add_loaded(ModelLists& loaded);
  ServedModel* find_base(const std::optional<std::string>& name);
  std::string path_of(const std::optional<std::string>& name);
  template <typename Model>
  Model& choose(std::list<Model>& models, const std::optional<std::string>& name);

  TextObserver observer_;
  mutable std::shared_mutex mutex_;  // guards what follows, not the models themselves
  ModelLists models_;
  std::shared_ptr<Epoch> latest_ = std::make_shared<Epoch>();
  std::list<Removed> removed_;
  std::jthread collector_{[this](const std::stop_token& stop) { free_removed(stop); }};  // last: it uses the others
};

}  // namespace tidemill::serve
