// Engine: a loaded model.  Session: one sequence that it continues.
//
//   auto engine = tidemill::Engine::load("gemma3-270m");
//   tidemill::Session session(engine);
//   auto result = session.generate({.prompt = "The tide"}, [](const tidemill::Event& event) {
//     std::cout << event.text << std::flush;
//     return true;  // false stops
//   });
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tidemill/chat_template.h"
#include "tidemill/encoder.h"
#include "tidemill/grammar.h"
#include "tidemill/precision.h"
#include "tidemill/profile.h"
#include "tidemill/sampling.h"
#include "tidemill/tensor.h"
#include "tidemill/tokenizer.h"

namespace tidemill {

struct EngineOptions {
  int threads = 0;             // 0: one per processor that this process may use
  int64_t context_length = 0;  // positions per sequence; 0: the model's own, or less where memory is short
  Precision precision = Precision::fast;
  std::string state = "auto";   // what keys and values are kept in: "f16", "f32", "int8"; "auto": f16, but f32 where
                                // everything is computed in f32
  std::string backend = "cpu";  // "reference" is the slow oracle
  std::string draft = {};       // a smaller model of the same vocabulary that guesses ahead for sessions, instead of a
                                // look at what the text has said before (Request::speculate)
  // "auto": where a choice of the next token can be made from half of the output head's bytes, the rest of which is
  // read only for tokens that might be chosen, it is made so; the same token is chosen.  "plain": all of it is read.
  std::string head = "auto";
  // Deltas that lead from the model to the one that is loaded, each made against what the one before restores: see
  // tidemill/delta.h.  Nothing is written; tensors that they leave as they are stay where the model has them.
  std::vector<std::string> deltas = {};
  // Of the weights that fine-tunes have in place of the model's (Engine::with_deltas), so many bytes are kept as
  // kernels read them, for all fine-tunes together; -1: a quarter of the memory that is free at loading, at least what
  // the model's own weights take.  What of a pass's fine-tunes finds no room is decoded for each pass anew.
  int64_t max_delta_bytes = -1;
  bool check_weights = false;  // refuse weights that are NaN or infinite; reads everything once more
  bool profile = false;        // keep a record for Engine::take_profile
  // Called from the loading thread with a share in [0, 1] that grows.
  std::function<void(double share)> on_progress = {};
};

// A token and the logarithm of its probability by the model's own scores, before any sampling option.
struct TokenLogprob {
  int32_t id = 0;
  float logprob = 0;
};

struct Request {
  std::string prompt = {};               // the whole text so far; what the session already holds is not computed again
  std::vector<int32_t> prompt_ids = {};  // instead of `prompt`, when not empty
  int64_t max_tokens = -1;               // -1: until the model ends the text or the context is full
  SamplingOptions sampling = {};
  std::vector<std::string> stop = {};    // the text ends before the first of these
  std::optional<Grammar> grammar = {};   // what the text must be, by Engine::compile of the same engine
  bool ignore_eos = false;               // go on after end-of-text tokens (benchmarks)
  std::vector<int32_t> spoken_ids = {};  // special tokens whose spelling is part of the text, such as "[TOOL_CALLS]"
  int32_t n_logprobs = -1;               // -1: none; else each token's log-probability, and those of the n most likely
  // Told once, before the first event, of all tokens of the prompt but the first: of each as Event::logprobs, one
  // token's behind the other's.  Then nothing of the prompt is taken from kept states.
  std::function<void(std::span<const TokenLogprob> logprobs)> on_prompt_logprobs = {};
  // Tokens that are guessed and verified together with the next one, which changes no token, only the time: 0 to 15, or
  // -1: as many as measure faster.  Models with a recurrent state take their time token by token.
  int32_t speculate = -1;
  std::function<bool()> cancelled = {};  // asked between tokens and between pieces of the prompt; true ends the work
};

enum class FinishReason { stop, length, context_full, cancelled };
const char* to_string(FinishReason reason);  // "stop", "length", "context_full", "cancelled"

// One token has been chosen, or, with an id of -1, text that was held back is certain.
struct Event {
  int32_t id = 0;
  std::string_view text;  // what became certain with it: whole UTF-8, perhaps empty
  // When they were asked for: of the token, then of the n_logprobs most likely ones, most likely first.  Valid during
  // the call.
  std::span<const TokenLogprob> logprobs = {};
};
// Returns false to stop.  Called on the thread of `generate`.
using EventSink = std::function<bool(const Event&)>;

struct Usage {
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;  // of the prompt, taken from the session's state
  int64_t completion_tokens = 0;
  int64_t draft_tokens = 0;     // guessed ahead (Request::speculate)
  int64_t accepted_tokens = 0;  // of those, the ones that were right
};

struct Timings {
  double load_ms = 0;  // of the engine
  double ttft_ms = 0;  // from the call to the first token
  double prefill_tok_s = 0;
  double decode_tok_s = 0;  // 0 when fewer than two tokens were made
};

struct Result {
  std::string text;
  std::vector<int32_t> ids;
  FinishReason finish_reason = FinishReason::stop;
  std::string stop = {};  // of Request::stop, what ended the text; empty when something else did
  Usage usage;
  Timings timings;
};

// What a loaded model takes, in bytes.
struct MemoryUse {
  int64_t weights = 0;
  int64_t state = 0;        // of one sequence at full context; taken as it fills
  int64_t state_taken = 0;  // for all sequences so far
  int64_t activations = 0;
};

// What fine-tunes over a model (Engine::with_deltas) have decoded.
struct DeltaMemory {
  int64_t n_bytes = 0;      // in memory
  int64_t max_bytes = 0;    // EngineOptions::max_delta_bytes
  int64_t n_hits = 0;       // tensors that a pass found there
  int64_t n_misses = 0;     // tensors that were decoded
  int64_t n_evictions = 0;  // tensors that went to make room
};

// A tensor of a model's file by its name there, of the same shape and dtype, with other numbers.
struct WeightUpdate {
  std::string name;
  Tensor tensor;  // contiguous rows
};

class FineTune;

// A loaded model.  Cheap to copy: copies share it.  All functions may be called from any thread.
class Engine {
 public:
  // `model` is a file or a name in the model store.  Throws not_found, bad_file, unsupported, or out_of_memory (before
  // anything large is read) when it cannot fit.
  static Engine load(const std::string& model, const EngineOptions& options = {});

  // Both throw not_found for a model without one.
  const Tokenizer& tokenizer() const;
  const std::shared_ptr<const Tokenizer>& shared_tokenizer() const;
  const std::string& path() const;
  int64_t vocab_size() const;
  int64_t context_length() const;        // positions per sequence as loaded
  int64_t model_context_length() const;  // positions the model was trained for
  int threads() const;
  double load_ms() const;
  MemoryUse memory() const;

  // The fine-tune that `deltas` lead to from this model, each made against what the one before restores, over the
  // weights that are in memory: it costs the deltas' own bytes, mapped, and its share of
  // EngineOptions::max_delta_bytes. Sessions of fine-tunes and of the model itself share passes, and each gets the
  // numbers that the restored model gives alone.  The deltas are verified first.  Throws what apply_delta throws, and
  // unsupported, saying why, for a fine-tune with another configuration, tokenizer, shape or dtype
  // (EngineOptions::deltas loads it as a model of its own), for encoders, and for a model whose weights have been
  // replaced.
  Engine with_deltas(const std::vector<std::string>& deltas) const;
  // Whether `other` is over the same weights in memory.
  bool shares_weights_with(const Engine& other) const { return impl_ == other.impl_; }
  DeltaMemory delta_memory() const;

  // Replaces numbers of the loaded model, for all who use it, between two passes and without other memory than the
  // kernels' own: what a trainer does with the engine that it samples from.  Texts that are being written are read anew
  // before they go on, and kept beginnings are forgotten.  Everything is checked before anything is replaced.  Throws
  // invalid_argument, naming the tensor, for a name that the model does not read, another shape or dtype, one of two
  // tensors that belong together, and unsupported for an engine with fine-tunes (with_deltas).
  void update(std::span<const WeightUpdate> tensors);
  // The same with what `deltas` lead to from the model's files, whatever it has been updated with before.  Throws what
  // with_deltas throws.
  void apply_deltas(const std::vector<std::string>& deltas);

  // What has been computed since the last call of this; empty unless the engine was loaded with `profile`.
  Profile take_profile() const;

  // How the model was trained to chat: the template of its files, or what its vocabulary shows
  // (ChatTemplate::for_vocabulary).  Nothing for a model that neither tells of.
  std::optional<ChatTemplate> chat_template() const;

  // Whether the model is an encoder: it reads whole texts and gives hidden states.  Such a model has no sessions.
  bool is_encoder() const;
  // Gives each text's hidden states to `sink`; several texts share a pass, which changes no number.  Throws
  // unsupported when the model is no encoder, invalid_argument for ids outside the vocabulary and for a text without
  // any, and context_full for one that is too long.
  void encode(std::span<const EncoderInput> inputs, const HiddenSink& sink) const;

  // A grammar for requests to this engine; the same source again gives the one that there is.  Throws GrammarError, and
  // not_found when the model has no tokenizer.
  Grammar compile(const GrammarSource& source) const;

  class Impl;
  const std::shared_ptr<Impl>& impl() const { return impl_; }
  const std::shared_ptr<FineTune>& fine_tune() const { return fine_tune_; }

 private:
  explicit Engine(std::shared_ptr<Impl> impl, std::shared_ptr<FineTune> fine_tune = nullptr)
      : impl_(std::move(impl)), fine_tune_(std::move(fine_tune)) {}
  std::shared_ptr<Impl> impl_;
  std::shared_ptr<FineTune> fine_tune_;  // null: the model itself
};

// Scores [vocab_size] that follow the token at `position`; valid during the call.
using ScoreSink = std::function<void(int64_t position, std::span<const float> logits)>;

// One sequence and its state.  Used by one thread at a time; sessions of one engine take turns inside it.
class Session {
 public:
  // Throws out_of_memory when the engine has no state left, and unsupported for an encoder.
  explicit Session(const Engine& engine);
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  // Continues the request's text.  The part of the prompt that this session already holds is taken from its state.
  // Throws context_full when the prompt does not fit and invalid_argument for options out of range.
  Result generate(const Request& request, const EventSink& sink = nullptr);

  // Appends ids in one pass and gives the scores after each to `sink`.  Throws context_full and invalid_argument.
  void score(std::span<const int32_t> ids, const ScoreSink& sink);
  // Appends ids; returns the scores after the last, valid until the next call.
  std::span<const float> append(std::span<const int32_t> ids);
  // Appends one id to each session of one engine, in one pass; gives each its scores by its index.
  static void append_each(std::span<Session* const> sessions, std::span<const int32_t> ids, const ScoreSink& sink);

  int64_t size() const;  // tokens held
  // Forgets all tokens from n on.  Where a layer is recurrent the others are computed again.
  void truncate(int64_t n);

  // A session of its own that holds the same tokens.  Throws out_of_memory when the engine has no state left.
  Session fork() const;
  // Writes what the session holds to a file.  Throws io.
  void save(const std::string& path) const;
  // Becomes what was saved from a session of the same model and precision.  Throws bad_file, and then holds nothing,
  // and context_full.
  void restore(const std::string& path);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemill
