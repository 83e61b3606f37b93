// Engine: loading a model.  The composition root: the only place that knows files, models and backends at once.

#include <algorithm>
#include <future>
#include <thread>
#include <utility>

#include "api/check_weights.h"
#include "api/delta_model.h"
#include "api/engine_impl.h"
#include "api/memory_plan.h"
#include "api/same_vocabulary.h"
#include "api/state_file.h"
#include "backends/registry.h"
#include "models/registry.h"
#include "tidemill/model_store.h"
#include "tidemill/stopwatch.h"
#include "tidemill/system.h"

namespace tidemill {
namespace {

constexpr int64_t kMaxStates = 1024;

bool is_head_plain(const EngineOptions& options) {
  if (options.head != "auto" && options.head != "plain")
    throw Error(ErrorCode::invalid_argument, "head: '" + options.head + "' is neither 'auto' nor 'plain'");
  return options.head == "plain";
}

// Special tokens may lie behind the embedding: Gemma 3's small models have no image, their tokenizer a token for it.
// Who writes one into a text is told then.
bool fits_embedding(const Tokenizer& tokenizer, int64_t n_rows) {
  for (int64_t id = n_rows; id < tokenizer.vocab_size(); ++id)
    if (!tokenizer.is_special(static_cast<int32_t>(id))) return false;
  return true;
}

}  // namespace

const char* to_string(FinishReason reason) {
  switch (reason) {
    case FinishReason::stop:
      return "stop";
    case FinishReason::length:
      return "length";
    case FinishReason::context_full:
      return "context_full";
    case FinishReason::cancelled:
      return "cancelled";
  }
  return "unknown";
}

std::unique_ptr<ModelFile> Engine::Impl::open_files() const {
  return deltas.empty() ? open_model_file(path) : open_delta_model(path, deltas);
}

Engine::Impl::Impl(const std::string& name, const EngineOptions& options)
    : path(resolve_model(name)), deltas(options.deltas) {
  const Stopwatch stopwatch;
  auto opened = open_files();
  const ModelFile& file = *opened;
  model = make_model(file.source());
  if (file.makes_vectors()) model->use_as_encoder();
  if (options.check_weights) check_weights(file.weights());
  fingerprint_ = model_fingerprint(*model, options.precision);
  pool = std::make_unique<ThreadPool>(options.threads > 0 ? options.threads : cpu_info().n_cores);
  backend = make_backend(options.backend, *pool, options.precision, model->config().is_encoder);
  const DType state_dtype = state_dtype_of(*model, options.state, backend->state_dtype());
  const int64_t context_length =
      choose_context_length(path, *model, options.context_length, state_dtype,
                            plan_tokenizer(file.tokenizer_kind(), model->config().vocab_size));

  // The vocabulary is read while the weights are laid out: neither needs the other.
  auto loading_tokenizer = std::async(std::launch::async, [&file] { return file.load_tokenizer({}); });
  // It is done before the last of them, so that what it takes for a moment does not come on top of all the weights.
  const bool all_copied = adopt_weights(file.weights(), is_head_plain(options), [&](double share) {
    if (share > 0.5) loading_tokenizer.wait();
    if (options.on_progress) options.on_progress(share);
  });
  tokenizer = loading_tokenizer.get();
  if (tokenizer && !fits_embedding(*tokenizer, model->config().vocab_size))
    throw Error(ErrorCode::bad_file, path + ": the tokenizer has " + std::to_string(tokenizer->vocab_size()) +
                                         " tokens, the embedding only " + std::to_string(model->config().vocab_size) +
                                         "; the file is damaged");

  if (!all_copied) mapped_file = std::move(opened);
  if (options.profile) {
    profiler = std::make_unique<ProfiledKernels>(backend->kernels(), options.precision);
    model->visit_params([&](std::string_view of, Tensor& weight, WeightRole) { profiler->remember(weight, of); });
  }
  const StateSpec spec = model->state_spec();
  if (model->config().is_encoder) {
    encoder = std::make_unique<EncoderRunner>(*model, kernels(), context_length);
    load_ms = stopwatch.milliseconds();
    return;
  }
  // Texts of several fine-tunes share steps quickly only where all of their weights have room.
  const int64_t usual_delta_bytes = std::max(backend->weight_bytes(), available_memory_bytes() / 4);
  versions = std::make_unique<VersionCache>(options.max_delta_bytes < 0 ? usual_delta_bytes : options.max_delta_bytes);
  states = std::make_unique<StatePool>(spec, context_length, state_dtype, kMaxStates);
  runner = std::make_unique<Runner>(*model, kernels(), spec, state_dtype,
                                    Runner::Limits{.all_scores = is_head_plain(options)}, versions.get());
  if (!options.draft.empty()) load_draft(options);
  load_ms = stopwatch.milliseconds();
}

void Engine::Impl::load_draft(const EngineOptions& options) {
  draft = std::make_unique<Impl>(options.draft, EngineOptions{.threads = options.threads,
                                                              .precision = options.precision,
                                                              .backend = options.backend,
                                                              .check_weights = options.check_weights});
  require_same_vocabulary(*require_tokenizer(), *draft->require_tokenizer(), draft->path);
  if (draft->require_states().is_recurrent())
    throw Error(ErrorCode::unsupported,
                draft->path + ": cannot guess: its state cannot go back; use a draft model without recurrent layers");
}

Kernels& Engine::Impl::kernels() const {
  return profiler ? *profiler : backend->kernels();
}

const std::shared_ptr<const Tokenizer>& Engine::Impl::require_tokenizer() const {
  if (!tokenizer)
    throw Error(ErrorCode::not_found, path + ": has no tokenizer; put the model's tokenizer.json beside its weights");
  return tokenizer;
}

StatePool& Engine::Impl::require_states() const {
  if (!states)
    throw Error(ErrorCode::unsupported, path + ": is an encoder, which gives hidden states of a whole text and " +
                                            "continues none; use `tidemill logits` for them, or another model");
  return *states;
}

// Hands the weights to the backend; true when none is read from the file any more.
bool Engine::Impl::adopt_weights(const Weights& weights, bool is_head_plain,
                                 const std::function<void(double share)>& on_progress) {
  int64_t total = 0, done = 0;
  bool all_copied = true;
  const bool is_encoder = model->config().is_encoder;
  model->visit_params([&](std::string_view, Tensor& weight, WeightRole) { total += weight.size_bytes(); });
  model->visit_params([&](std::string_view name, Tensor& weight, WeightRole role) {
    const Tensor stored = weight;
    const WeightRole plain_role = role == WeightRole::head ? WeightRole::matrix : WeightRole::embedding;
    const bool is_plain = (is_head_plain || is_encoder) && gives_scores(role);
    adopted.push_back({.name = std::string(name), .place = &weight, .role = is_plain ? plain_role : role});
    if (weights.is_packed() && role == WeightRole::vector) {  // f32 already, as every backend reads it
      all_copied = false;
      return;
    }
    if (is_encoder && role == WeightRole::head) {  // nobody asks for scores
      weight = Tensor();
      adopted.pop_back();
      return;
    }
    weight = backend->adopt(stored, adopted.back().role, [&](const Tensor& part) {
      weights.release(part);
      done += part.size_bytes();
      on_progress(static_cast<double>(done) / static_cast<double>(total));
    });
    const bool is_copied = weight.data() != stored.data();
    if (is_copied) {
      model->drop_made(stored);
      weights.drop(stored);
    }
    all_copied = all_copied && is_copied;
  });
  return all_copied;
}

Engine Engine::load(const std::string& model, const EngineOptions& options) {
  return Engine(std::make_shared<Impl>(model, options));
}

const std::shared_ptr<const Tokenizer>& Engine::shared_tokenizer() const {
  return impl_->require_tokenizer();
}
const Tokenizer& Engine::tokenizer() const {
  return *impl_->require_tokenizer();
}
const std::string& Engine::path() const {
  return impl_->path;
}
int64_t Engine::vocab_size() const {
  return impl_->model->config().vocab_size;
}
int64_t Engine::context_length() const {
  return impl_->encoder ? impl_->encoder->context_length() : impl_->states->capacity();
}
int64_t Engine::model_context_length() const {
  return impl_->model->config().context_length;
}
int Engine::threads() const {
  return impl_->pool->n_threads();
}
double Engine::load_ms() const {
  return impl_->load_ms;
}

MemoryUse Engine::memory() const {
  return {.weights = impl_->backend->weight_bytes(),
          .state = impl_->encoder ? 0 : impl_->states->bytes_per_state(Runner::Limits{}.max_batch_tokens),
          .state_taken = impl_->encoder ? 0 : impl_->states->taken_bytes(),
          .activations = impl_->encoder ? impl_->encoder->arena_bytes() : impl_->runner->arena_bytes()};
}

Engine Engine::with_deltas(const std::vector<std::string>& deltas) const {
  std::vector<std::string> all = fine_tune_ ? fine_tune_->deltas() : std::vector<std::string>();
  all.insert(all.end(), deltas.begin(), deltas.end());
  return Engine(impl_, impl_->fine_tune(impl_, all));
}

DeltaMemory Engine::delta_memory() const {
  if (!impl_->versions) return {};
  const VersionCache::Counts counts = impl_->versions->counts();
  return {.n_bytes = counts.n_bytes,
          .max_bytes = counts.max_bytes,
          .n_hits = counts.n_hits,
          .n_misses = counts.n_misses,
          .n_evictions = counts.n_evictions};
}

void Engine::update(std::span<const WeightUpdate> tensors) {
  impl_->update(tensors);
}

void Engine::apply_deltas(const std::vector<std::string>& deltas) {
  impl_->apply_deltas(impl_, deltas);
}

std::optional<ChatTemplate> Engine::chat_template() const {
  try {
    if (fine_tune_) return ChatTemplate::from_model(fine_tune_->file());
    if (!impl_->deltas.empty()) return ChatTemplate::from_model(*impl_->open_files());
    return ChatTemplate::from_file(impl_->path);
  } catch (const Error&) {
    return ChatTemplate::for_vocabulary(tokenizer());
  }
}

Profile Engine::take_profile() const {
  return impl_->profiler ? impl_->profiler->take() : Profile();
}

Grammar Engine::compile(const GrammarSource& source) const {
  return impl_->grammars.compile(source, *impl_->require_tokenizer());
}

bool Engine::is_encoder() const {
  return impl_->encoder != nullptr;
}

void Engine::encode(std::span<const EncoderInput> inputs, const HiddenSink& sink) const {
  if (!impl_->encoder)
    throw Error(ErrorCode::unsupported, impl_->path + ": is no encoder; its hidden states are not given");
  impl_->encoder->encode(inputs, sink);
}

}  // namespace tidemill
