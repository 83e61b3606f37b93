// What EmbeddingService and the streams on it share: askers, whose texts wait in turns, and the thread that embeds
// them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <thread>

#include "tidemill/embedding_service.h"

namespace tidemill {

using SteadyTime = std::chrono::steady_clock::time_point;

// Somebody whose texts become vectors: a task, or a stream, which has more of them as time goes on.
struct EmbeddingAsker {
  std::function<void(size_t index, std::vector<float>&& vector)> on_vector;
  std::function<void()> on_end;  // may be empty
  std::function<void(const Error&)> on_error;

  // What follows is the service's own.
  struct Waiting {
    EmbedInput input;
    SteadyTime deadline;  // when it waits no longer for others
  };
  uint64_t number = 0;
  std::deque<Waiting> waiting = {};
  bool is_open = false;   // more texts may come
  bool is_over = false;   // nobody is told any more
  size_t n_taken = 0;     // texts that a pass has taken
  size_t n_finished = 0;  // texts whose vectors were told
};

class EmbeddingService::Impl {
 public:
  Impl(const Embedder& embedder, const EmbeddingServiceOptions& options);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  uint64_t submit(EmbeddingTask task);
  void cancel(uint64_t number);
  const Embedder& embedder() const { return embedder_; }
  EmbeddingServiceStatistics statistics() const;

  // For streams.  An asker without texts yet, until it is cancelled.  Throws queue_full.
  uint64_t open(EmbeddingAsker asker);
  // A text more of it, whose index is the number of those before.  Ignored after an end.  Throws what Embedder::check
  // throws.
  void add(uint64_t number, EmbedInput input, double max_wait_ms);
  // Calls `wake` on the service's thread at that time, once; a later call for the same asker replaces an earlier one.
  void wake_at(uint64_t number, SteadyTime when, std::function<void()> wake);

 private:
  using AskerPointer = std::shared_ptr<EmbeddingAsker>;
  struct Taken {
    AskerPointer asker;
    size_t index;  // among its texts
  };
  struct Batch {
    std::vector<EmbedInput> inputs;
    std::vector<Taken> from;  // of each input
  };
  struct Timer {
    SteadyTime when;
    std::function<void()> wake;
  };

  uint64_t admit(EmbeddingAsker asker);
  void run();
  bool is_ready(SteadyTime now) const;
  SteadyTime next_deadline() const;
  bool fire_timer(std::unique_lock<std::mutex>& lock, SteadyTime now);
  Batch take_batch();
  void embed(Batch batch);
  void tell(Taken& taken, std::vector<float> vector);
  void fail(const Batch& batch, const Error& error);
  void drop(EmbeddingAsker& asker);

  Embedder embedder_;
  EmbeddingServiceOptions options_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::list<AskerPointer> askers_;  // all that are not over; the first has the next turn
  std::map<uint64_t, Timer> timers_;
  uint64_t last_number_ = 0;
  int64_t n_waiting_ = 0, n_waiting_tokens_ = 0;  // of texts that no pass has taken
  EmbeddingServiceStatistics done_;               // since the start
  bool is_ending_ = false;
  std::thread thread_{[this] { run(); }};  // the last member: it uses all others
};

}  // namespace tidemill
