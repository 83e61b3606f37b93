// Runner: feeds tokens of one or many sequences through a model, in batches of bounded size.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "models/model.h"
#include "ops/ops.h"
#include "ops/variant_kernels.h"
#include "runtime/pass_cost.h"
#include "runtime/state.h"
#include "runtime/version_cache.h"

namespace tidemill {

enum class LogitsWanted {
  none,
  last,  // of the last token fed
  all,   // of every token fed
};

// Tokens to append to one sequence.
struct Feed {
  State* state = nullptr;
  std::span<const int32_t> ids;  // not empty
  LogitsWanted wanted = LogitsWanted::last;
  // Tokens of the prompt that these are part of, where keys depend on it (LongerTexts).  0: there is none, each token
  // ends the text as it is then.
  int64_t prompt_length = 0;
  ScoreReach reach = {};               // of the choice that they are for: where it is quicker, others are -infinity
  WeightVersions* versions = nullptr;  // of the fine-tune that the text is of; null: the model itself
};

// Receives the logits [vocab_size] that follow token `index` of feed `feed`; valid during the call.  Called in the
// order of feeds and tokens.
using LogitsSink = std::function<void(size_t feed, int64_t index, std::span<const float> logits)>;

class Runner {
 public:
  // `max_batch_tokens` bounds the rows of one forward pass and with it the memory for activations; `max_logits_rows`
  // how many rows' logits are computed together.  With `all_scores` nobody's reach saves work.
  struct Limits {
    int64_t max_batch_tokens = 256;
    int64_t max_sequences = 64;
    int64_t max_logits_rows = 16;
    bool all_scores = false;
  };

  // Plans the arena by a forward pass without arithmetic and reserves it.  `model` and `kernels` outlive this object,
  // and `cache`, which is told of the passes and may be null.
  Runner(const Model& model, Kernels& kernels, const StateSpec& spec, DType state_dtype, Limits limits,
         VersionCache* cache = nullptr);

  // Bytes of activations a Runner with these limits would take, without taking them.
  static int64_t plan_bytes(const Model& model, const StateSpec& spec, DType state_dtype, Limits limits);

  // Appends each feed's tokens to its state (their n_past grows).  At most limits.max_sequences feeds.
  // Throws context_full, before anything is computed, when a state cannot take its tokens, and invalid_argument for ids
  // outside the vocabulary and for a state that cannot become so long (State::can_become); out_of_memory when there are
  // no pages for them, after which states may hold some of their tokens.  Callers take turns; `sink` must not call
  // back.
  void feed(std::span<const Feed> feeds, const LogitsSink& sink);

  int64_t arena_bytes() const { return arena_.capacity_bytes(); }
  // Gives the model other weights by `replace`, while no pass runs.
  void replace_weights(const std::function<void()>& replace);
  // How often that has been done: states of before are of another model.
  uint64_t generation() const { return generation_; }
  // What passes have taken so far.
  PassCost pass_cost() const;

 private:
  void check(std::span<const Feed> feeds) const;
  void run_batch(std::span<const Feed> feeds, const LogitsSink& sink);
  void collect_rows(std::span<const Feed> feeds);
  void collect_runs(std::span<const Feed> feeds);
  void tell_variants(std::span<const Feed> feeds);
  void emit_logits(Ops& ops, const Tensor& hidden, std::span<const Feed> feeds, const LogitsSink& sink);

  // Rows that one feed has in the batch.
  struct Part {
    size_t feed;
    int64_t n_rows;
  };
  // A token whose logits are wanted, in the order of output rows.
  struct Wanted {
    size_t feed;
    int64_t index;
  };

  const Model& model_;
  VariantKernels kernels_;
  VersionCache* cache_;
  Limits limits_;
  Arena arena_;
  std::mutex turn_;
  std::atomic<uint64_t> generation_ = 0;
  // Buffers of the batch being run; they keep their capacity, so a decode step allocates nothing.
  std::vector<int32_t> tokens_, positions_, output_rows_, lengths_;
  std::vector<StateRun> state_runs_;
  std::vector<Part> parts_;
  std::vector<Wanted> wanted_;
  std::vector<VariantRows> variants_;
  std::vector<uint64_t> variant_numbers_;
  std::vector<int64_t> n_fed_;  // tokens of each feed done so far

  mutable std::mutex cost_access_;
  PassCost cost_;
};

}  // namespace tidemill
