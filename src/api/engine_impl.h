// What Engine and Session share: the composition of file, model, backend, states and runner.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "api/fine_tune.h"
#include "api/model_file.h"
#include "grammar/grammar_cache.h"
#include "models/model.h"
#include "ops/backend.h"
#include "ops/profiler.h"
#include "runtime/encoder_runner.h"
#include "runtime/runner.h"
#include "runtime/state_pool.h"
#include "runtime/version_cache.h"
#include "sys/thread_pool.h"
#include "tidemill/engine.h"

namespace tidemill {

class Engine::Impl {
 public:
  Impl(const std::string& name, const EngineOptions& options);

  std::string path;
  std::vector<std::string> deltas;             // EngineOptions::deltas
  std::shared_ptr<const Tokenizer> tokenizer;  // null when the model has none
  std::unique_ptr<ModelFile> mapped_file;      // when the backend reads weights where they lie in the file
  std::unique_ptr<ThreadPool> pool;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<ProfiledKernels> profiler;  // around the backend's kernels, when a profile was asked for
  std::unique_ptr<Model> model;
  std::vector<AdoptedWeight> adopted;      // all its weights
  std::unique_ptr<VersionCache> versions;  // of fine-tunes' weights; null for an encoder
  std::unique_ptr<StatePool> states;       // null for an encoder
  std::unique_ptr<Runner> runner;          // likewise
  std::unique_ptr<EncoderRunner> encoder;  // null for all other models
  std::unique_ptr<Impl> draft;             // EngineOptions::draft, null without one
  double load_ms = 0;
  grammar::GrammarCache grammars;

  // Throws not_found when the model has none.
  const std::shared_ptr<const Tokenizer>& require_tokenizer() const;
  // Throws unsupported for an encoder.
  StatePool& require_states() const;
  // The files that it was loaded from, once more.
  std::unique_ptr<ModelFile> open_files() const;

  // Of the model, for saved states.
  std::string fingerprint() const;

  // engine_update.cpp; `self` is this object.
  std::shared_ptr<FineTune> fine_tune(const std::shared_ptr<Impl>& self, const std::vector<std::string>& its_deltas);
  void update(std::span<const WeightUpdate> tensors);
  void apply_deltas(const std::shared_ptr<Impl>& self, const std::vector<std::string>& its_deltas);

 private:
  FineTuneBase fine_tune_base(const std::shared_ptr<Impl>& self) const;
  void require_replaceable();
  // `read` is told when what has been read of `weights` is not needed any more.
  void replace(const std::set<const WeightRecipe*>& recipes, const Weights& weights, std::string new_fingerprint,
               const std::function<void()>& read);

  mutable std::mutex fingerprint_access_;
  std::string fingerprint_;
  std::mutex replacing_;                             // of what follows
  std::vector<std::weak_ptr<FineTune>> fine_tunes_;  // that are over these weights
  std::set<const WeightRecipe*> replaced_;           // weights that are not those of the files

  // The backend's, or those that keep a record around them.
  Kernels& kernels() const;
  void load_draft(const EngineOptions& options);
  bool adopt_weights(const Weights& weights, bool is_head_plain, const std::function<void(double share)>& on_progress);
};

// Of what the handle stands for: the model, or a fine-tune of it.
inline std::string fingerprint_of(const Engine& engine) {
  return engine.fine_tune() ? engine.fine_tune()->fingerprint() : engine.impl()->fingerprint();
}

}  // namespace tidemill
