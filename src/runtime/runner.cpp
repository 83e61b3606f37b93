#include "runtime/runner.h"

#include <algorithm>
#include <string>

#include "ops/planner.h"
#include "runtime/token_ids.h"
#include "tidemill/stopwatch.h"

namespace tidemill {

namespace {

// Of the text that a feed's tokens are part of.
int64_t length_with(const Feed& feed) {
  return std::max(feed.prompt_length, feed.state->n_past() + std::ssize(feed.ids));
}

}  // namespace

int64_t Runner::plan_bytes(const Model& model, const StateSpec& spec, DType state_dtype, Limits limits) {
  Arena arena = Arena::planner();
  PlanningKernels kernels;
  Ops ops(kernels, arena);
  const auto n_rows = static_cast<size_t>(limits.max_batch_tokens);
  const std::vector<int32_t> zeros(n_rows, 0);
  std::vector<StateRun> state_runs;
  for (const LayerStateSpec& layer : spec.layers) {
    const Tensor cache(nullptr, state_dtype, {limits.max_batch_tokens, layer.kv_width});
    const Tensor slot(nullptr, DType::f32, {layer.slot_size});
    state_runs.push_back({.n_rows = limits.max_batch_tokens, .keys = cache, .values = cache, .slot = slot});
  }
  const Tensor hidden = model.forward(
      ops, {.tokens = zeros, .positions = zeros, .output_rows = zeros, .state_runs = state_runs, .n_sequences = 1});
  model.logits(ops, hidden.slice(0, 0, std::min(limits.max_logits_rows, limits.max_batch_tokens)), ScoreReach());
  return arena.peak_bytes();
}

Runner::Runner(const Model& model, Kernels& kernels, const StateSpec& spec, DType state_dtype, Limits limits,
               VersionCache* cache)
    : model_(model),
      kernels_(kernels),
      cache_(cache),
      limits_(limits),
      arena_(plan_bytes(model, spec, state_dtype, limits)) {
  const auto n_rows = static_cast<size_t>(limits.max_batch_tokens);
  const auto n_sequences = static_cast<size_t>(limits.max_sequences);
  for (auto* buffer : {&tokens_, &positions_, &output_rows_, &lengths_}) buffer->reserve(n_rows);
  wanted_.reserve(n_rows);
  n_fed_.reserve(n_sequences);
  parts_.reserve(n_sequences);
  state_runs_.reserve(n_sequences * spec.layers.size());
  variants_.reserve(std::max(n_sequences, n_rows));
  variant_numbers_.reserve(n_sequences);
}

void Runner::check(std::span<const Feed> feeds) const {
  if (feeds.size() > static_cast<size_t>(limits_.max_sequences))
    throw Error(ErrorCode::invalid_argument, "batch: " + std::to_string(feeds.size()) + " sequences, at most " +
                                                 std::to_string(limits_.max_sequences) + " fit");
  for (const Feed& feed : feeds) {
    const int64_t needed = feed.state->n_past() + static_cast<int64_t>(feed.ids.size());
    if (needed > feed.state->capacity())
      throw Error(ErrorCode::context_full, "context: " + std::to_string(needed) + " tokens do not fit into " +
                                               std::to_string(feed.state->capacity()) +
                                               "; shorten the prompt or load with a longer context (--ctx)");
    expect_ids_inside(feed.ids, model_.config().vocab_size);
    if (!feed.state->can_become(length_with(feed)))
      throw Error(ErrorCode::invalid_argument, "batch: a text becomes longer than " +
                                                   std::to_string(feed.state->longer_texts().length) +
                                                   " tokens, where its keys change; read it anew");
  }
}

void Runner::feed(std::span<const Feed> feeds, const LogitsSink& sink) {
  check(feeds);
  const std::lock_guard turn(turn_);
  for (const Feed& feed : feeds) feed.state->join_text_of(length_with(feed));
  n_fed_.assign(feeds.size(), 0);
  const auto unfinished = [&] {
    for (size_t feed = 0; feed < feeds.size(); ++feed)
      if (n_fed_[feed] < static_cast<int64_t>(feeds[feed].ids.size())) return true;
    return false;
  };
  while (unfinished()) run_batch(feeds, sink);
}

void Runner::replace_weights(const std::function<void()>& replace) {
  const std::lock_guard turn(turn_);
  ++generation_;  // before: what throws may have replaced some
  replace();
}

PassCost Runner::pass_cost() const {
  const std::lock_guard lock(cost_access_);
  return cost_;
}

void Runner::run_batch(std::span<const Feed> feeds, const LogitsSink& sink) {
  const Stopwatch stopwatch;
  collect_rows(feeds);
  for (const Part& part : parts_) feeds[part.feed].state->make_room(part.n_rows);
  collect_runs(feeds);
  tell_variants(feeds);
  arena_.rewind(0);
  Ops ops(kernels_, arena_);
  const Tensor hidden = model_.forward(ops, {.tokens = tokens_,
                                             .positions = positions_,
                                             .output_rows = output_rows_,
                                             .state_runs = state_runs_,
                                             .n_sequences = static_cast<int64_t>(parts_.size()),
                                             .lengths = lengths_});
  for (const Part& part : parts_) {
    feeds[part.feed].state->advance(part.n_rows);
    n_fed_[part.feed] += part.n_rows;
  }
  emit_logits(ops, hidden, feeds, sink);
  if (wanted_.size() != tokens_.size()) return;
  const std::lock_guard lock(cost_access_);
  cost_.add(std::ssize(tokens_), stopwatch.seconds());
}

// Fills one batch with the next tokens of the feeds, in order.
void Runner::collect_rows(std::span<const Feed> feeds) {
  for (auto* buffer : {&tokens_, &positions_, &output_rows_, &lengths_}) buffer->clear();
  wanted_.clear();
  parts_.clear();
  for (size_t index = 0; index < feeds.size(); ++index) {
    const Feed& feed = feeds[index];
    const auto n_ids = static_cast<int64_t>(feed.ids.size());
    const int64_t n_free = limits_.max_batch_tokens - static_cast<int64_t>(tokens_.size());
    const int64_t n_rows = std::min(n_ids - n_fed_[index], n_free);
    if (n_rows == 0) continue;
    parts_.push_back({.feed = index, .n_rows = n_rows});
    for (int64_t row = 0; row < n_rows; ++row) {
      const int64_t token = n_fed_[index] + row;
      if (feed.wanted == LogitsWanted::all || (feed.wanted == LogitsWanted::last && token + 1 == n_ids)) {
        output_rows_.push_back(static_cast<int32_t>(tokens_.size()));
        wanted_.push_back({.feed = index, .index = token});
      }
      tokens_.push_back(feed.ids[static_cast<size_t>(token)]);
      const int64_t position = feed.state->n_past() + row;
      positions_.push_back(static_cast<int32_t>(position));
      lengths_.push_back(static_cast<int32_t>(std::max(position + 1, feed.prompt_length)));
    }
  }
}

void Runner::collect_runs(std::span<const Feed> feeds) {
  state_runs_.clear();
  const size_t n_layers = feeds.front().state->layers().size();
  for (size_t layer = 0; layer < n_layers; ++layer) {
    int64_t first_row = 0;
    for (const Part& part : parts_) {
      const State& state = *feeds[part.feed].state;
      state_runs_.push_back({.first_row = first_row,
                             .n_rows = part.n_rows,
                             .first_pos = state.n_past(),
                             .keys = state.layers()[layer].keys,
                             .values = state.layers()[layer].values,
                             .slot = state.layers()[layer].slot});
      first_row += part.n_rows;
    }
  }
}

// Whose rows the batch has.
void Runner::tell_variants(std::span<const Feed> feeds) {
  variants_.clear();
  variant_numbers_.clear();
  for (const Part& part : parts_) {
    WeightVersions* const versions = feeds[part.feed].versions;
    variants_.push_back({.versions = versions, .n_rows = part.n_rows});
    if (versions != nullptr) variant_numbers_.push_back(versions->number());
  }
  kernels_.set_rows(variants_);
  if (cache_ != nullptr && !variant_numbers_.empty()) cache_->begin_pass(variant_numbers_);
}

void Runner::emit_logits(Ops& ops, const Tensor& hidden, std::span<const Feed> feeds, const LogitsSink& sink) {
  const auto n_wanted = static_cast<int64_t>(wanted_.size());
  for (int64_t begin = 0; begin < n_wanted; begin += limits_.max_logits_rows) {
    const Ops::Scope rows_memory(ops);
    const int64_t end = std::min(n_wanted, begin + limits_.max_logits_rows);
    variants_.clear();
    for (int64_t row = begin; row < end; ++row)
      variants_.push_back({.versions = feeds[wanted_[static_cast<size_t>(row)].feed].versions, .n_rows = 1});
    kernels_.set_rows(variants_);
    const bool is_alone = end - begin == 1 && !limits_.all_scores;
    const ScoreReach reach = is_alone ? feeds[wanted_[static_cast<size_t>(begin)].feed].reach : ScoreReach();
    const Tensor logits = model_.logits(ops, hidden.slice(0, begin, end), reach);
    for (int64_t row = begin; row < end; ++row) {
      const Wanted& wanted = wanted_[static_cast<size_t>(row)];
      sink(wanted.feed, wanted.index, {logits.row<float>(row - begin), static_cast<size_t>(logits.dim(1))});
    }
  }
}

}  // namespace tidemill
