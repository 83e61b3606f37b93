// What Engine and Session share: the composition of file, model, backend, states and runner.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/model_file.h"
#include "grammar/grammar_cache.h"
#include "models/model.h"
#include "ops/backend.h"
#include "ops/profiler.h"
#include "runtime/encoder_runner.h"
#include "runtime/runner.h"
#include "runtime/state_pool.h"
#include "sys/thread_pool.h"
#include "tidemill/engine.h"

namespace tidemill {

class Engine::Impl {
 public:
  Impl(const std::string& name, const EngineOptions& options);

  std::string path;
  std::shared_ptr<const Tokenizer> tokenizer;  // null when the model has none
  std::unique_ptr<ModelFile> mapped_file;      // when the backend reads weights where they lie in the file
  std::unique_ptr<ThreadPool> pool;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<ProfiledKernels> profiler;  // around the backend's kernels, when a profile was asked for
  std::unique_ptr<Model> model;
  std::unique_ptr<StatePool> states;       // null for an encoder
  std::unique_ptr<Runner> runner;          // likewise
  std::unique_ptr<EncoderRunner> encoder;  // null for all other models
  std::unique_ptr<Impl> draft;             // EngineOptions::draft, null without one
  std::string fingerprint;                 // of the model, for saved states
  double load_ms = 0;
  grammar::GrammarCache grammars;

  // Throws not_found when the model has none.
  const std::shared_ptr<const Tokenizer>& require_tokenizer() const;
  // Throws unsupported for an encoder.
  StatePool& require_states() const;

 private:
  // The backend's, or those that keep a record around them.
  Kernels& kernels() const;
  void load_draft(const EngineOptions& options);
  bool adopt_weights(const Weights& weights, bool is_head_plain, const std::function<void(double share)>& on_progress);
};

}  // namespace tidemill
