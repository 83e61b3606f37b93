#include "tidemill/embedding_service.h"

#include <algorithm>
#include <utility>

#include "api/embedding_service_impl.h"

namespace tidemill {
namespace {

using std::chrono::steady_clock;

SteadyTime after_ms(double milliseconds) {
  return steady_clock::now() +
         std::chrono::duration_cast<steady_clock::duration>(std::chrono::duration<double, std::milli>(milliseconds));
}

}  // namespace

EmbeddingService::Impl::Impl(const Embedder& embedder, const EmbeddingServiceOptions& options)
    : embedder_(embedder), options_(options) {}

EmbeddingService::Impl::~Impl() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
    for (const AskerPointer& asker : askers_) asker->is_over = true;
  }
  changed_.notify_all();
  thread_.join();
}

// With mutex_ held.
uint64_t EmbeddingService::Impl::admit(EmbeddingAsker asker) {
  if (std::ssize(askers_) >= options_.max_tasks)
    throw Error(ErrorCode::queue_full, "the queue of embeddings is full; try again later");
  asker.number = ++last_number_;
  for (const auto& text : asker.waiting) n_waiting_tokens_ += std::ssize(text.input.ids);
  n_waiting_ += std::ssize(asker.waiting);
  askers_.push_back(std::make_shared<EmbeddingAsker>(std::move(asker)));
  return last_number_;
}

uint64_t EmbeddingService::Impl::submit(EmbeddingTask task) {
  if (task.inputs.empty()) throw Error(ErrorCode::invalid_argument, "embeddings: there is no text; give at least one");
  for (const EmbedInput& input : task.inputs) embedder_.check(input);
  EmbeddingAsker asker{
      .on_vector = std::move(task.on_vector), .on_end = std::move(task.on_end), .on_error = std::move(task.on_error)};
  const SteadyTime deadline = after_ms(task.max_wait_ms);
  for (EmbedInput& input : task.inputs) asker.waiting.push_back({std::move(input), deadline});
  const std::lock_guard lock(mutex_);
  const uint64_t number = admit(std::move(asker));
  changed_.notify_one();
  return number;
}

uint64_t EmbeddingService::Impl::open(EmbeddingAsker asker) {
  asker.is_open = true;
  const std::lock_guard lock(mutex_);
  return admit(std::move(asker));
}

void EmbeddingService::Impl::add(uint64_t number, EmbedInput input, double max_wait_ms) {
  embedder_.check(input);
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(askers_, number, &EmbeddingAsker::number);
  if (found == askers_.end()) return;
  ++n_waiting_;
  n_waiting_tokens_ += std::ssize(input.ids);
  (*found)->waiting.push_back({std::move(input), after_ms(max_wait_ms)});
  changed_.notify_one();
}

void EmbeddingService::Impl::wake_at(uint64_t number, SteadyTime when, std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  timers_[number] = {.when = when, .wake = std::move(wake)};
  changed_.notify_one();
}

void EmbeddingService::Impl::cancel(uint64_t number) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(askers_, number, &EmbeddingAsker::number);
  if (found != askers_.end()) drop(**found);
}

// Ends an asker without another word.  With mutex_ held.
void EmbeddingService::Impl::drop(EmbeddingAsker& asker) {
  asker.is_over = true;
  for (const auto& text : asker.waiting) n_waiting_tokens_ -= std::ssize(text.input.ids);
  n_waiting_ -= std::ssize(asker.waiting);
  asker.waiting.clear();
  timers_.erase(asker.number);
  askers_.remove_if([&](const AskerPointer& other) { return other.get() == &asker; });
}

EmbeddingServiceStatistics EmbeddingService::Impl::statistics() const {
  const std::lock_guard lock(mutex_);
  EmbeddingServiceStatistics now = done_;
  now.n_tasks = std::ssize(askers_);
  now.n_waiting = n_waiting_;
  return now;
}

void EmbeddingService::Impl::run() {
  std::unique_lock lock(mutex_);
  while (!is_ending_) {
    const SteadyTime now = steady_clock::now();
    if (fire_timer(lock, now)) continue;
    if (!is_ready(now)) {
      changed_.wait_until(lock, next_deadline());
      continue;
    }
    Batch batch = take_batch();
    lock.unlock();
    embed(std::move(batch));
    lock.lock();
  }
}

// Calls one that is due, without the lock.
bool EmbeddingService::Impl::fire_timer(std::unique_lock<std::mutex>& lock, SteadyTime now) {
  const auto due = std::ranges::find_if(timers_, [&](const auto& entry) { return entry.second.when <= now; });
  if (due == timers_.end()) return false;
  const std::function<void()> wake = std::move(due->second.wake);
  timers_.erase(due);
  lock.unlock();
  wake();
  lock.lock();
  return true;
}

// Whether a pass is worth to begin: enough is there for one, or somebody has waited long enough.
bool EmbeddingService::Impl::is_ready(SteadyTime now) const {
  if (n_waiting_ == 0) return false;
  if (n_waiting_ >= options_.wanted_texts || n_waiting_tokens_ >= options_.max_batch_tokens) return true;
  return std::ranges::any_of(
      askers_, [&](const AskerPointer& asker) { return !asker->waiting.empty() && asker->waiting[0].deadline <= now; });
}

SteadyTime EmbeddingService::Impl::next_deadline() const {
  SteadyTime next = steady_clock::now() + std::chrono::hours(1);
  for (const auto& [number, timer] : timers_) next = std::min(next, timer.when);
  for (const AskerPointer& asker : askers_)
    if (!asker->waiting.empty()) next = std::min(next, asker->waiting[0].deadline);
  return next;
}

// A text of each asker in turn until the pass is full.
EmbeddingService::Impl::Batch EmbeddingService::Impl::take_batch() {
  Batch batch;
  int64_t n_tokens = 0;
  bool has_room = true;
  for (bool takes_more = true; takes_more && has_room;) {
    takes_more = false;
    for (const AskerPointer& asker : askers_) {
      if (asker->waiting.empty()) continue;
      EmbedInput& input = asker->waiting.front().input;
      const int64_t n_of_text = std::ssize(input.ids);
      has_room = batch.inputs.empty() || (std::ssize(batch.inputs) < options_.max_batch_texts &&
                                          n_tokens + n_of_text <= options_.max_batch_tokens);
      if (!has_room) break;
      n_tokens += n_of_text;
      batch.inputs.push_back(std::move(input));
      batch.from.push_back({asker, asker->n_taken++});
      asker->waiting.pop_front();
      takes_more = true;
    }
  }
  askers_.splice(askers_.end(), askers_, askers_.begin());
  n_waiting_ -= std::ssize(batch.inputs);
  n_waiting_tokens_ -= n_tokens;
  return batch;
}

void EmbeddingService::Impl::embed(Batch batch) {
  std::vector<std::vector<float>> vectors;
  try {
    vectors = embedder_.embed_inputs(batch.inputs);
  } catch (const Error& error) {
    return fail(batch, error);
  } catch (const std::bad_alloc&) {
    return fail(batch, Error(ErrorCode::out_of_memory, "not enough memory for these texts"));
  }
  {
    const std::lock_guard lock(mutex_);
    ++done_.n_passes;
    done_.n_texts += std::ssize(vectors);
    for (const EmbedInput& input : batch.inputs) done_.n_tokens += std::ssize(input.ids);
  }
  for (size_t at = 0; at < vectors.size(); ++at) tell(batch.from[at], std::move(vectors[at]));
}

void EmbeddingService::Impl::tell(Taken& taken, std::vector<float> vector) {
  EmbeddingAsker& asker = *taken.asker;
  bool is_last = false;
  {
    const std::lock_guard lock(mutex_);
    if (asker.is_over) return;
    is_last = ++asker.n_finished == asker.n_taken && asker.waiting.empty() && !asker.is_open;
  }
  asker.on_vector(taken.index, std::move(vector));
  if (!is_last) return;
  {
    const std::lock_guard lock(mutex_);
    if (asker.is_over) return;  // cancelled meanwhile
    drop(asker);
  }
  if (asker.on_end) asker.on_end();
}

void EmbeddingService::Impl::fail(const Batch& batch, const Error& error) {
  for (const Taken& taken : batch.from) {
    {
      const std::lock_guard lock(mutex_);
      if (taken.asker->is_over) continue;
      drop(*taken.asker);
    }
    taken.asker->on_error(error);
  }
}

EmbeddingService::EmbeddingService(const Embedder& embedder, const EmbeddingServiceOptions& options) {
  for (const int64_t value :
       {options.max_batch_texts, options.max_batch_tokens, options.wanted_texts, options.max_tasks})
    if (value < 1) throw Error(ErrorCode::invalid_argument, "embedding service: all options must be at least 1");
  impl_ = std::make_unique<Impl>(embedder, options);
}
EmbeddingService::~EmbeddingService() = default;

uint64_t EmbeddingService::submit(EmbeddingTask task) {
  return impl_->submit(std::move(task));
}
void EmbeddingService::cancel(uint64_t number) {
  impl_->cancel(number);
}
const Embedder& EmbeddingService::embedder() const {
  return impl_->embedder();
}
EmbeddingServiceStatistics EmbeddingService::statistics() const {
  return impl_->statistics();
}

}  // namespace tidemill
