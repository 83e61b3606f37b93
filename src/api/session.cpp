// Session: one sequence.  Prompt -> ids -> state -> sampler -> text.

#include <algorithm>
#include <optional>
#include <utility>

#include "api/engine_impl.h"
#include "api/state_file.h"
#include "runtime/continuation.h"
#include "runtime/draft_model.h"
#include "tidemill/stopwatch.h"

namespace tidemill {

class Session::Impl {
 public:
  explicit Impl(const Engine& engine)
      : handle_(engine), engine_(engine.impl()), lease_(engine_->require_states().acquire()) {
    note_weights();
    ids_.reserve(static_cast<size_t>(lease_->capacity()));  // so that a step allocates nothing
    if (const auto& draft = engine_->draft)
      draft_.emplace(
          *draft->runner, *draft->states,
          static_cast<int32_t>(std::min({int64_t{draft->tokenizer->vocab_size()}, draft->model->config().vocab_size,
                                         engine_->model->config().vocab_size})));
  }

  Result generate(const Request& request, const EventSink& sink);
  // `prompt_length`: Feed's, at least what the session holds with `ids`.
  void feed(std::span<const int32_t> ids, LogitsWanted wanted, const LogitsSink& sink, int64_t prompt_length = 0,
            const ScoreReach& reach = {});
  void prepare_for(int64_t n_tokens);
  std::span<const float> append(std::span<const int32_t> ids);
  void truncate(int64_t n);

  void copy_from(const Impl& other);
  void restore(const std::string& path);

  const Engine& handle() const { return handle_; }
  const std::string& fingerprint() const { return fingerprint_; }
  WeightVersions* versions() const { return handle_.fine_tune().get(); }
  Engine::Impl& engine() const { return *engine_; }
  State& state() const { return *lease_; }
  std::vector<int32_t>& ids() { return ids_; }

 private:
  std::vector<int32_t> prompt_ids(const Request& request) const;
  int64_t keep_common_prefix(std::span<const int32_t> prompt);
  bool feed_prompt(std::span<const int32_t> prompt, Continuation& continuation, const Request& request);
  void run_pass(Continuation& continuation);
  void keep(size_t n);
  void note_weights();

  Engine handle_;
  std::shared_ptr<Engine::Impl> engine_;
  StatePool::Lease lease_;
  std::optional<DraftModel> draft_;
  std::vector<int32_t> ids_;   // tokens whose effect the state holds
  std::vector<float> scores_;  // that `append` returned last
  uint64_t generation_ = 0;    // Runner::generation that the state is of
  std::string fingerprint_;    // of the weights that the state is of
};

void Session::Impl::note_weights() {
  generation_ = engine_->runner->generation();
  fingerprint_ = fingerprint_of(handle_);
}

void Session::Impl::feed(std::span<const int32_t> ids, LogitsWanted wanted, const LogitsSink& sink,
                         int64_t prompt_length, const ScoreReach& reach) {
  if (ids.empty()) throw Error(ErrorCode::invalid_argument, "session: no tokens to append; give at least one");
  prompt_length = std::max(prompt_length, lease_->n_past() + std::ssize(ids));
  prepare_for(prompt_length);
  const Feed feed{.state = lease_.get(),
                  .ids = ids,
                  .wanted = wanted,
                  .prompt_length = prompt_length,
                  .reach = reach,
                  .versions = versions()};
  try {
    engine_->runner->feed({&feed, 1}, sink);
  } catch (...) {
    keep(ids_.size());
    throw;
  }
  ids_.insert(ids_.end(), ids.begin(), ids.end());
}

// Reads what is held anew where it has other keys in a text of `n_tokens`, or the model has other weights now.
void Session::Impl::prepare_for(int64_t n_tokens) {
  if (lease_->can_become(n_tokens) && generation_ == engine_->runner->generation()) return;
  note_weights();
  if (ids_.empty()) return;
  const std::vector<int32_t> held = ids_;
  lease_->clear();
  ids_.clear();
  const Feed feed{.state = lease_.get(),
                  .ids = held,
                  .wanted = LogitsWanted::none,
                  .prompt_length = n_tokens,
                  .versions = versions()};
  engine_->runner->feed({&feed, 1}, nullptr);
  ids_ = held;
}

std::span<const float> Session::Impl::append(std::span<const int32_t> ids) {
  feed(ids, LogitsWanted::last,
       [&](size_t, int64_t, std::span<const float> logits) { scores_.assign(logits.begin(), logits.end()); });
  return scores_;
}

void Session::Impl::truncate(int64_t n) {
  if (n < 0 || n > lease_->n_past())
    throw Error(ErrorCode::invalid_argument, "session: cannot cut to " + std::to_string(n) + " tokens, it holds " +
                                                 std::to_string(lease_->n_past()));
  const auto n_kept = static_cast<size_t>(lease_->truncate(n));
  const std::vector<int32_t> lost(ids_.begin() + static_cast<std::ptrdiff_t>(n_kept), ids_.begin() + n);
  ids_.resize(n_kept);
  if (!lost.empty()) feed(lost, LogitsWanted::none, nullptr);  // a recurrent state cannot go back: it starts again
}

void Session::Impl::copy_from(const Impl& other) {
  lease_->share(*other.lease_, other.lease_->n_past());
  ids_ = other.ids_;
  scores_ = other.scores_;
  generation_ = other.generation_;
  fingerprint_ = other.fingerprint_;
}

void Session::Impl::restore(const std::string& path) {
  ids_.clear();
  lease_->clear();
  note_weights();
  ids_ = restore_state(path, *lease_, fingerprint_, engine_->model->config().vocab_size);
}

std::vector<int32_t> Session::Impl::prompt_ids(const Request& request) const {
  auto ids = request.prompt_ids.empty() ? engine_->require_tokenizer()->encode(request.prompt) : request.prompt_ids;
  if (ids.empty()) throw Error(ErrorCode::invalid_argument, "prompt: is empty; give some text to continue");
  if (static_cast<int64_t>(ids.size()) > lease_->capacity())
    throw Error(ErrorCode::context_full, "prompt: has " + std::to_string(ids.size()) + " tokens, the context holds " +
                                             std::to_string(lease_->capacity()) +
                                             "; shorten it or raise --ctx (this model takes up to " +
                                             std::to_string(engine_->model->config().context_length) + ")");
  return ids;
}

// Cuts the state to what it shares with `prompt`, less the last token, whose scores are needed anew.
int64_t Session::Impl::keep_common_prefix(std::span<const int32_t> prompt) {
  const auto differs = std::mismatch(ids_.begin(), ids_.end(), prompt.begin(), prompt.end() - 1);
  keep(lease_->begins_text_of(std::ssize(prompt)) ? static_cast<size_t>(differs.first - ids_.begin()) : 0);
  return std::ssize(ids_);
}

// Forgets all tokens from n on; all tokens where a recurrent state cannot go back.
void Session::Impl::keep(size_t n) {
  ids_.resize(static_cast<size_t>(lease_->truncate(static_cast<int64_t>(n))));
}

// Feeds what is left of the prompt in pieces, so that it can be cancelled in between; false when it was.  The
// continuation chooses its first id unless none is wanted.
bool Session::Impl::feed_prompt(std::span<const int32_t> prompt, Continuation& continuation, const Request& request) {
  constexpr size_t kPiece = static_cast<size_t>(Runner::Limits{}.max_batch_tokens);
  const bool is_scored = continuation.wants_prompt_scores();
  while (ids_.size() < prompt.size()) {
    if (request.cancelled && request.cancelled()) return false;
    const auto rest = prompt.subspan(ids_.size());
    const auto piece = rest.first(std::min(kPiece, rest.size()));
    const bool wants_id = piece.size() == rest.size() && request.max_tokens != 0;
    const LogitsWanted unscored = wants_id ? LogitsWanted::last : LogitsWanted::none;
    const auto take_scores = [&](size_t, int64_t row, std::span<const float> logits) {
      if (const size_t next = static_cast<size_t>(row) + 1; next < rest.size())
        continuation.score_prompt(rest[next], logits);
      else if (wants_id)
        continuation.choose(logits);
    };
    feed(piece, is_scored ? LogitsWanted::all : unscored, take_scores, std::ssize(prompt), continuation.reach());
  }
  return true;
}

// Feeds the last id that was chosen and guesses of what follows it, and keeps what is right.
void Session::Impl::run_pass(Continuation& continuation) {
  const size_t n_held = ids_.size();
  const PassCost cost = engine_->runner->pass_cost();
  PassLoad load(cost, 1);
  prepare_for(lease_->n_past() + 1);
  continuation.propose(ids_, lease_->is_recurrent() ? 0 : lease_->n_alike(Speculation::kMost), load);
  const Feed feed{.state = lease_.get(),
                  .ids = std::span(ids_).subspan(n_held),
                  .wanted = LogitsWanted::all,
                  .reach = continuation.reach(),
                  .versions = versions()};
  bool is_right = true;
  try {
    engine_->runner->feed({&feed, 1}, [&](size_t, int64_t, std::span<const float> logits) {
      if (is_right) is_right = continuation.choose(logits);
    });
  } catch (...) {
    keep(n_held);
    throw;
  }
}

Result Session::Impl::generate(const Request& request, const EventSink& sink) {
  const Stopwatch since_call;
  const std::vector<int32_t> prompt = prompt_ids(request);
  Continuation continuation(request, engine_->tokenizer, prompt, lease_->capacity(), since_call,
                            draft_ ? &*draft_ : nullptr);
  Result& result = continuation.result();
  result.timings.load_ms = engine_->load_ms;
  if (generation_ != engine_->runner->generation()) {
    keep(0);
    note_weights();
  }
  if (continuation.wants_prompt_scores()) keep(0);  // what is not computed again has no scores
  result.usage.cached_tokens = keep_common_prefix(prompt);
  const Stopwatch since_prefill;
  if (!feed_prompt(prompt, continuation, request)) {
    continuation.end(FinishReason::cancelled, sink);
    return result;
  }
  const auto n_fed = static_cast<double>(result.usage.prompt_tokens - result.usage.cached_tokens);
  result.timings.prefill_tok_s = n_fed / since_prefill.seconds();
  if (request.max_tokens == 0) {
    continuation.end(FinishReason::length, sink);
    return result;
  }
  bool goes_on = continuation.tell(sink);
  while (goes_on) {
    const size_t n_held = ids_.size();
    run_pass(continuation);
    goes_on = continuation.tell(sink);
    keep(n_held + static_cast<size_t>(continuation.n_kept()));
  }
  return result;
}

Session::Session(const Engine& engine) : impl_(std::make_unique<Impl>(engine)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

Result Session::generate(const Request& request, const EventSink& sink) {
  return impl_->generate(request, sink);
}

void Session::score(std::span<const int32_t> ids, const ScoreSink& sink) {
  const int64_t first = size();
  impl_->feed(ids, LogitsWanted::all,
              [&](size_t, int64_t index, std::span<const float> logits) { sink(first + index, logits); });
}

std::span<const float> Session::append(std::span<const int32_t> ids) {
  return impl_->append(ids);
}

void Session::append_each(std::span<Session* const> sessions, std::span<const int32_t> ids, const ScoreSink& sink) {
  if (sessions.empty() || sessions.size() != ids.size())
    throw Error(ErrorCode::invalid_argument, "append_each: " + std::to_string(sessions.size()) + " sessions and " +
                                                 std::to_string(ids.size()) + " ids; give one id to each");
  std::vector<Feed> feeds;
  for (size_t index = 0; index < sessions.size(); ++index) {
    Impl& session = *sessions[index]->impl_;
    session.prepare_for(session.state().n_past() + 1);
    feeds.push_back({.state = &session.state(), .ids = ids.subspan(index, 1), .versions = session.versions()});
  }
  Engine::Impl& engine = sessions.front()->impl_->engine();
  engine.runner->feed(
      feeds, [&](size_t feed, int64_t, std::span<const float> logits) { sink(static_cast<int64_t>(feed), logits); });
  for (size_t index = 0; index < sessions.size(); ++index) sessions[index]->impl_->ids().push_back(ids[index]);
}

int64_t Session::size() const {
  return impl_->state().n_past();
}
void Session::truncate(int64_t n) {
  impl_->truncate(n);
}

Session Session::fork() const {
  Session copy(impl_->handle());
  copy.impl_->copy_from(*impl_);
  return copy;
}

void Session::save(const std::string& path) const {
  save_state(path, impl_->state(), impl_->ids(), impl_->fingerprint());
}

void Session::restore(const std::string& path) {
  impl_->restore(path);
}

}  // namespace tidemill
