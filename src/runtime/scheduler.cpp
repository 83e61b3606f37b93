#include "runtime/scheduler.h"

#include <string>
#include <tuple>
#include <utility>

namespace tidemill {
namespace {

constexpr int64_t kStepTokens = Runner::Limits{}.max_batch_tokens;
// Of prompts, in a step that texts wait for: it takes about as long as a token for each of 16 texts (Gemma 3 270M, one
// thread: 45 and 44 ms).
constexpr int64_t kPromptTokensBesideTexts = 64;

void expect_at_least(const char* name, int64_t value, int64_t least) {
  if (value < least)
    throw Error(ErrorCode::invalid_argument, std::string(name) + ": " + std::to_string(value) +
                                                 " is too few; give at least " + std::to_string(least));
}

}  // namespace

Scheduler::Scheduler(Runner& runner, StatePool& states, std::shared_ptr<const Tokenizer> tokenizer,
                     const ServiceOptions& options)
    : runner_(runner),
      states_(states),
      tokenizer_(std::move(tokenizer)),
      options_(options),
      prefixes_(states, options.max_kept_bytes),
      generation_(runner.generation()) {
  expect_at_least("max_running", options.max_running, 1);
  expect_at_least("max_queued", options.max_queued, 1);
  expect_at_least("max_kept_bytes", options.max_kept_bytes, 0);
  Speculation::validate(options.speculate);
  if (constexpr int64_t kMost = Runner::Limits{}.max_sequences; options.max_running > kMost)
    throw Error(ErrorCode::invalid_argument, "max_running: " + std::to_string(options.max_running) +
                                                 " sequences do not fit into a step; give at most " +
                                                 std::to_string(kMost));
}

bool Scheduler::Job::is_cancelled(const std::unordered_set<uint64_t>& numbers) const {
  const Request& request = submission.request;
  return numbers.contains(number) || (request.cancelled && request.cancelled());
}

// Numbers tell fine-tunes apart, those that are gone among them.
std::string Scheduler::Job::owner() const {
  return versions ? submission.client + '\n' + std::to_string(versions->number()) : submission.client;
}

uint64_t Scheduler::submit(Submission submission, std::shared_ptr<WeightVersions> versions) {
  const int64_t n_prompt = std::ssize(submission.request.prompt_ids);
  if (n_prompt == 0) throw Error(ErrorCode::invalid_argument, "prompt: is empty; give some text to continue");
  if (n_prompt > states_.capacity())
    throw Error(ErrorCode::context_full, "prompt: has " + std::to_string(n_prompt) + " tokens, the context holds " +
                                             std::to_string(states_.capacity()) + "; shorten it");
  validate(submission.request.sampling);
  Speculation::validate(submission.request.speculate);
  auto job = std::make_unique<Job>();
  job->submission = std::move(submission);
  job->versions = std::move(versions);
  if (int32_t& speculate = job->submission.request.speculate; speculate < 0) speculate = options_.speculate;
  const std::lock_guard lock(mutex_);
  const auto is_wanted = [&](const JobPointer& queued) { return !cancelled_.contains(queued->number); };
  if (std::ssize(queue_) >= options_.max_queued &&
      std::count_if(queue_.begin(), queue_.end(), is_wanted) >= options_.max_queued)
    throw Error(ErrorCode::queue_full,
                "queue: " + std::to_string(options_.max_queued) + " requests wait already; try again later");
  job->number = ++last_number_;
  queue_.push_back(std::move(job));
  ++statistics_.n_submitted;
  has_work_.notify_one();
  return last_number_;
}

void Scheduler::cancel(uint64_t number) {
  const std::lock_guard lock(mutex_);
  cancelled_.insert(number);
  has_work_.notify_one();
}

ServiceStatistics Scheduler::statistics() const {
  const std::lock_guard lock(mutex_);
  ServiceStatistics statistics = statistics_;
  statistics.n_queued = std::ssize(queue_);
  for (const PagePool& pool : states_.pages().of) {
    const PagePool::Counts pages = pool.counts();
    statistics.pages_used += pages.n_used;
    statistics.pages_shared += pages.n_shared;
    statistics.pages_free += pages.n_free;
    statistics.page_takes += pages.n_takes;
    statistics.page_reuses += pages.n_reuses;
  }
  return statistics;
}

void Scheduler::wait() {
  std::unique_lock lock(mutex_);
  has_work_.wait(lock, [&] { return is_woken_ || !queue_.empty() || !cancelled_.empty(); });
  is_woken_ = false;
}

void Scheduler::wake() {
  const std::lock_guard lock(mutex_);
  is_woken_ = true;
  has_work_.notify_one();
}

bool Scheduler::step() {
  end_cancelled();
  forget_replaced();
  start_queued();
  remove_ended();
  if (running_.empty()) return false;
  plan();
  run();
  remove_ended();
  return true;
}

void Scheduler::end_all() {
  {
    const std::lock_guard lock(mutex_);
    for (const JobPointer& job : queue_) cancelled_.insert(job->number);
    for (const JobPointer& job : running_) cancelled_.insert(job->number);
  }
  end_cancelled();
}

void Scheduler::end_cancelled() {
  std::unordered_set<uint64_t> numbers;
  std::vector<JobPointer> dropped;
  {
    const std::lock_guard lock(mutex_);
    numbers.swap(cancelled_);  // a number that is found nowhere has ended already
    for (JobPointer& job : queue_)
      if (job->is_cancelled(numbers)) dropped.push_back(std::move(job));
    std::erase(queue_, nullptr);
  }
  for (const JobPointer& job : dropped) tell(*job);
  for (const JobPointer& job : running_) {
    if (!job->is_cancelled(numbers)) continue;
    job->continuation->end(FinishReason::cancelled, job->submission.on_event);
    job->has_ended = true;
  }
  remove_ended();
}

// The next of the queue: the greatest priority first, of those the client with the fewest running texts, of its
// requests the oldest.  Null when none may start.
Scheduler::JobPointer Scheduler::take_next() {
  if (std::ssize(running_) >= options_.max_running) return nullptr;
  const auto n_running = [&](const std::string& client) {
    return std::count_if(running_.begin(), running_.end(),
                         [&](const JobPointer& job) { return job->submission.client == client; });
  };
  const auto rank = [&](const JobPointer& job) {
    return std::tuple(-int64_t{job->submission.priority}, n_running(job->submission.client), job->number);
  };
  const std::lock_guard lock(mutex_);
  const auto next = std::min_element(queue_.begin(), queue_.end(),
                                     [&](const JobPointer& a, const JobPointer& b) { return rank(a) < rank(b); });
  if (next == queue_.end()) return nullptr;
  JobPointer job = std::move(*next);
  queue_.erase(next);
  return job;
}

// After Runner::replace_weights no state is that of any text.
void Scheduler::forget_replaced() {
  const uint64_t now = runner_.generation();
  if (std::exchange(generation_, now) == now) return;
  prefixes_.clear();
  for (const JobPointer& job : running_) {
    job->n_known = 0;
    if (job->n_unread() == 0) {
      job->is_stale = true;
    } else if (!job->continuation->wants_prompt_scores()) {  // those have been told of what is read
      job->sequence.ids.clear();
      job->sequence.state->clear();
    }
  }
}

void Scheduler::start_queued() {
  while (JobPointer job = take_next()) {
    start(*job);
    running_.push_back(std::move(job));
  }
}

void Scheduler::start(Job& job) {
  try {
    job.continuation = std::make_unique<Continuation>(job.submission.request, tokenizer_, job.prompt(),
                                                      states_.capacity(), job.since_submit);
    // Scores of what is not computed again are not there.
    const auto known = job.continuation->wants_prompt_scores() ? job.prompt().first(1) : job.prompt();
    PrefixCache::Found found = prefixes_.take(known, job.owner());
    job.sequence = std::move(found.sequence);
    job.n_known = found.n_known;
  } catch (const Error& error) {
    job.error = error;
    job.has_ended = true;
    return;
  }
  job.continuation->result().usage.cached_tokens = std::ssize(job.sequence.ids);
  job.since_start = Stopwatch();
}

// What the next step computes: the chosen id of every text with guesses of what follows, and pieces of prompts.
void Scheduler::plan() {
  feeds_.clear();
  fed_.clear();
  for (const JobPointer& job : running_) {
    job->n_held = job->sequence.ids.size();
    job->is_reading = job->n_unread() > 0;
  }
  plan_texts();
  plan_prompts();
  group_by_fine_tune();
}

// Rows of one fine-tune follow each other, so that each weight is read once for all of them.
void Scheduler::group_by_fine_tune() {
  const auto is_plain = [](const Feed& feed) { return feed.versions == nullptr; };
  if (std::ranges::all_of(feeds_, is_plain)) return;
  const auto number = [](const Job* job) { return job->versions ? job->versions->number() : 0; };
  std::ranges::stable_sort(fed_, {}, number);
  std::ranges::stable_sort(feeds_, {}, [](const Feed& feed) { return feed.versions ? feed.versions->number() : 0; });
}

// The step feeds what has been appended to a job's ids.
void Scheduler::add_feed(Job& job, LogitsWanted wanted) {
  feeds_.push_back({.state = job.sequence.state.get(),
                    .ids = std::span(job.sequence.ids).subspan(job.n_held),
                    .wanted = wanted,
                    .prompt_length = job.is_reading ? std::ssize(job.to_read()) : 0,
                    .reach = job.continuation->reach()});
  feeds_.back().versions = job.versions.get();
  fed_.push_back(&job);
  job.wants_scores = wanted != LogitsWanted::none;
  job.has_scores = false;
  job.is_told = false;
}

void Scheduler::plan_texts() {
  const auto is_text = [](const JobPointer& job) { return job->n_unread() == 0; };
  const int64_t n_texts = std::count_if(running_.begin(), running_.end(), is_text);
  if (n_texts == 0) return;
  const PassCost cost = runner_.pass_cost();
  PassLoad load(cost, n_texts, n_texts < std::ssize(running_) ? kPromptTokensBesideTexts : 0);
  int64_t n_left = kStepTokens - kPromptTokensBesideTexts - n_texts;  // guesses
  for (const JobPointer& job : running_) {
    if (!is_text(job)) continue;
    std::vector<int32_t>& ids = job->sequence.ids;
    const State& state = *job->sequence.state;
    if (job->is_stale || !state.can_become(state.n_past() + 1)) {
      read_anew(*job, load);
      continue;
    }
    job->continuation->propose(ids, state.is_recurrent() ? 0 : state.n_alike(n_left), load);
    n_left -= std::ssize(ids) - static_cast<int64_t>(job->n_held) - 1;
    add_feed(*job, LogitsWanted::all);
  }
}

// The text is read once more, as if its chosen ids had been in its prompt, for all keys change with the next one.
void Scheduler::read_anew(Job& job, PassLoad& load) {
  job.continuation->propose(job.sequence.ids, 0, load);
  job.reread = std::move(job.sequence.ids);
  job.sequence.ids.clear();
  job.sequence.state->clear();
  job.n_held = 0;
  job.is_reading = true;
  job.is_stale = false;
}

void Scheduler::plan_prompts() {
  std::vector<Job*> readers;
  for (const JobPointer& job : running_)
    if (job->n_unread() > 0) readers.push_back(job.get());
  // What a short prompt leaves of its share goes to the longer ones.
  std::stable_sort(readers.begin(), readers.end(),
                   [](const Job* a, const Job* b) { return a->n_unread() < b->n_unread(); });
  int64_t n_left = feeds_.empty() ? kStepTokens : kPromptTokensBesideTexts;
  for (size_t index = 0; index < readers.size(); ++index) {
    Job& job = *readers[index];
    const int64_t n_unread = job.n_unread();
    const int64_t share = std::max<int64_t>(1, n_left / (std::ssize(readers) - static_cast<int64_t>(index)));
    int64_t n = std::min({n_unread, n_left, share});
    if (n == 0) break;
    // A state that cannot be cut is worth keeping where prompts part.
    const auto n_read = static_cast<int64_t>(job.n_held);
    if (states_.is_recurrent() && n_read < job.n_known) n = std::min(n, job.n_known - n_read);
    const auto piece = job.to_read().subspan(job.n_held, static_cast<size_t>(n));
    job.sequence.ids.insert(job.sequence.ids.end(), piece.begin(), piece.end());
    const LogitsWanted unscored = n == n_unread ? LogitsWanted::last : LogitsWanted::none;
    add_feed(job, job.continuation->wants_prompt_scores() ? LogitsWanted::all : unscored);
    n_left -= n;
  }
}

void Scheduler::run() {
  int64_t n_tokens = 0;
  try {
    runner_.feed(feeds_, [&](size_t feed, int64_t row, std::span<const float> logits) {
      take_scores(*fed_[feed], row, logits);
    });
    for (const Feed& feed : feeds_) n_tokens += std::ssize(feed.ids);
    for (Job* job : fed_)
      if (job->has_scores && !job->error) take_ids(*job);
    for (const Job* job : fed_)
      if (!job->error) keep_beginning(*job);
  } catch (const VersionFailed& failure) {
    n_tokens = 0;
    for (Job* job : fed_) {
      if (job->versions && job->versions->number() == failure.number()) {
        fail(*job, failure);
      } else {
        go_back(*job);
      }
    }
  } catch (const std::exception& failure) {  // nobody's state can be trusted, but the next requests get new ones
    for (Job* job : fed_) fail(*job, Error(ErrorCode::internal, std::string("step: ") + failure.what()));
  }
  const std::lock_guard lock(mutex_);
  ++statistics_.n_steps;
  statistics_.n_step_tokens += n_tokens;
}

void Scheduler::fail(Job& job, const Error& error) {
  job.error = error;
  job.has_ended = true;
}

// After a step that broke off because of somebody else's fine-tune: the next one computes the same again.
void Scheduler::go_back(Job& job) {
  if (!states_.is_recurrent()) {
    job.sequence.ids.resize(static_cast<size_t>(job.sequence.state->truncate(static_cast<int64_t>(job.n_held))));
  } else if (!job.is_reading) {
    job.sequence.ids.resize(job.n_held);
    job.is_stale = true;  // some layers' numbers are those after the step
  } else {
    job.n_known = 0;
    job.sequence.ids.clear();
    job.sequence.state->clear();
  }
  // Who has been given scores would be given them twice.
  const bool is_earlier = job.sequence.ids.size() < job.n_held && job.continuation->wants_prompt_scores();
  if (job.is_told || is_earlier)
    fail(job, Error(ErrorCode::internal, "step: a fine-tune beside this text failed; ask again"));
}

// The scores that row `row` of the step left for what follows it.
void Scheduler::take_scores(Job& job, int64_t row, std::span<const float> logits) {
  job.is_told = true;
  if (!job.wants_scores) return;
  if (const size_t next = job.n_held + static_cast<size_t>(row) + 1; next < job.prompt().size())
    return job.continuation->score_prompt(job.prompt()[next], logits);
  job.has_scores = true;
  try {
    job.wants_scores = job.submission.request.max_tokens != 0 && job.continuation->choose(logits);
  } catch (const Error& error) {  // of this text only, such as scores that are not numbers
    job.error = error;
    job.has_ended = true;
    job.wants_scores = false;
  }
}

// After a step: tells of the ids that were chosen, and keeps what was guessed right.
void Scheduler::take_ids(Job& job) {
  Continuation& continuation = *job.continuation;
  Result& result = continuation.result();
  const bool is_text = !result.ids.empty();
  if (!is_text)
    result.timings.prefill_tok_s =
        static_cast<double>(result.usage.prompt_tokens - result.usage.cached_tokens) / job.since_start.seconds();
  if (job.submission.request.max_tokens == 0) {
    continuation.end(FinishReason::length, job.submission.on_event);
    job.has_ended = true;
    return;
  }
  job.has_ended = !continuation.tell(job.submission.on_event);
  if (!is_text || job.is_reading) return;
  const auto n_kept = static_cast<int64_t>(job.n_held) + continuation.n_kept();
  job.sequence.ids.resize(static_cast<size_t>(job.sequence.state->truncate(n_kept)));
}

// Others may begin as this text does, while it goes on.
void Scheduler::keep_beginning(const Job& job) {
  const auto n_ids = std::ssize(job.sequence.ids);
  if (!states_.is_recurrent()) {
    if (n_ids / kPageRows > static_cast<int64_t>(job.n_held) / kPageRows)
      prefixes_.add(job.sequence, job.owner(), false);
  } else if (n_ids == job.n_known || n_ids == std::ssize(job.prompt())) {
    prefixes_.add(job.sequence, job.owner(), true);
  }
}

// Tells of the end of a job, which was cancelled when it never started.
void Scheduler::tell(Job& job) {
  const Submission& submission = job.submission;
  Result result;
  result.finish_reason = FinishReason::cancelled;
  result.usage.prompt_tokens = std::ssize(job.prompt());
  if (job.continuation) result = std::move(job.continuation->result());
  {
    const std::lock_guard lock(mutex_);
    const bool is_cancelled = result.finish_reason == FinishReason::cancelled;
    ++(job.error ? statistics_.n_failed : is_cancelled ? statistics_.n_cancelled : statistics_.n_ended);
    statistics_.prompt_tokens += result.usage.prompt_tokens;
    statistics_.cached_tokens += result.usage.cached_tokens;
    statistics_.completion_tokens += result.usage.completion_tokens;
    statistics_.draft_tokens += result.usage.draft_tokens;
    statistics_.accepted_tokens += result.usage.accepted_tokens;
  }
  if (job.error && submission.on_error) submission.on_error(*job.error);
  if (!job.error && submission.on_end) submission.on_end(std::move(result));
}

void Scheduler::remove_ended() {
  for (const JobPointer& job : running_) {
    if (!job->has_ended) continue;
    if (!job->error) prefixes_.add(job->sequence, job->owner(), true);
    tell(*job);
  }
  std::erase_if(running_, [](const JobPointer& job) { return job->has_ended; });
  const std::lock_guard lock(mutex_);
  statistics_.n_running = std::ssize(running_);
  statistics_.kept_bytes = prefixes_.n_bytes();
  statistics_.state_bytes = states_.used_bytes();
}

}  // namespace tidemill
