#include "runtime/encoder_runner.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "ops/planner.h"
#include "runtime/token_ids.h"

namespace tidemill {

int64_t EncoderRunner::plan_bytes(const Model& model, int64_t context_length) {
  Arena arena = Arena::planner();
  PlanningKernels kernels;
  Ops ops(kernels, arena);
  const std::vector<int32_t> zeros(static_cast<size_t>(std::max(context_length, kBatchTokens)));
  const std::vector<StateRun> runs(static_cast<size_t>(model.config().n_layers),
                                   {.first_row = 0, .n_rows = std::ssize(zeros)});
  model.forward(ops, {.tokens = zeros,
                      .positions = zeros,
                      .output_rows = zeros,
                      .state_runs = runs,
                      .n_sequences = 1,
                      .lengths = zeros});
  return arena.peak_bytes();
}

EncoderRunner::EncoderRunner(const Model& model, Kernels& kernels, int64_t context_length)
    : model_(model), kernels_(kernels), context_length_(context_length), arena_(plan_bytes(model, context_length)) {}

void EncoderRunner::check(const EncoderInput& input) const {
  const int64_t n_ids = std::ssize(input.ids);
  if (n_ids == 0) throw Error(ErrorCode::invalid_argument, "text: has no tokens; give at least one");
  if (n_ids > context_length_)
    throw Error(ErrorCode::context_full, "text: has " + std::to_string(n_ids) + " tokens, the model reads " +
                                             std::to_string(context_length_) + "; shorten it");
  if (!input.types.empty() && std::ssize(input.types) != n_ids)
    throw Error(ErrorCode::invalid_argument, "text: " + std::to_string(input.types.size()) + " types for " +
                                                 std::to_string(n_ids) + " ids; give one for each");
  expect_ids_inside(input.ids, model_.config().vocab_size);
}

void EncoderRunner::encode(std::span<const EncoderInput> inputs, const HiddenSink& sink) {
  for (const EncoderInput& input : inputs) check(input);
  const std::lock_guard turn(turn_);
  for (size_t first = 0; first < inputs.size();) {
    int64_t n_tokens = std::ssize(inputs[first].ids);
    size_t end = first + 1;
    while (end < inputs.size() && n_tokens + std::ssize(inputs[end].ids) <= kBatchTokens) {
      n_tokens += std::ssize(inputs[end++].ids);
    }
    run(inputs.subspan(first, end - first), first, sink);
    first = end;
  }
}

// Fills the pass with `inputs`, all of them.
void EncoderRunner::collect(std::span<const EncoderInput> inputs) {
  for (auto* buffer : {&tokens_, &types_, &positions_, &lengths_}) buffer->clear();
  runs_.clear();
  for (const EncoderInput& input : inputs) {
    runs_.push_back({.first_row = std::ssize(tokens_), .n_rows = std::ssize(input.ids)});
    tokens_.insert(tokens_.end(), input.ids.begin(), input.ids.end());
    types_.insert(types_.end(), input.types.begin(), input.types.end());
    types_.resize(tokens_.size());
    positions_.resize(tokens_.size());
    std::iota(positions_.end() - std::ssize(input.ids), positions_.end(), 0);
    lengths_.resize(tokens_.size(), static_cast<int32_t>(input.ids.size()));
  }
  n_texts_ = std::ssize(runs_);
  for (int64_t layer = 1; layer < model_.config().n_layers; ++layer)
    for (int64_t text = 0; text < n_texts_; ++text) runs_.push_back(runs_[static_cast<size_t>(text)]);
  rows_.resize(tokens_.size());
  std::iota(rows_.begin(), rows_.end(), 0);
}

// One pass over `inputs`, of which the first is text `first`.
void EncoderRunner::run(std::span<const EncoderInput> inputs, size_t first, const HiddenSink& sink) {
  collect(inputs);
  arena_.rewind(0);
  Ops ops(kernels_, arena_);
  const Tensor hidden = model_.forward(ops, {.tokens = tokens_,
                                             .positions = positions_,
                                             .output_rows = rows_,
                                             .state_runs = runs_,
                                             .n_sequences = n_texts_,
                                             .types = types_,
                                             .lengths = lengths_});
  for (size_t i = 0; i < inputs.size(); ++i) {
    sink(first + i, hidden.slice(0, runs_[i].first_row, runs_[i].first_row + runs_[i].n_rows));
  }
}

}  // namespace tidemill
