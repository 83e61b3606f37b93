// Scheduler: the only place where requests meet.  A queue becomes steps: each step is one pass of the model over the
// last token of every running text and over pieces of the prompts that are still being read.
//
// Texts join and leave between steps (continuous batching; Yu et al. 2022, "Orca").  While texts run, prompts get only
// part of a step, so a long one delays nobody's next token by more than that; those that are read at once share that
// part alike (Agrawal et al. 2024, arXiv:2403.02310).
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_set>
#include <vector>

#include "runtime/continuation.h"
#include "runtime/prefix_cache.h"
#include "runtime/runner.h"
#include "tidemill/service.h"

namespace tidemill {

// `step` and `end_all` belong to one thread; the other functions may be called from any.
class Scheduler {
 public:
  // `runner` and `states` outlive this object.  `tokenizer` may be null: then texts are ids only.
  Scheduler(Runner& runner, StatePool& states, std::shared_ptr<const Tokenizer> tokenizer,
            const ServiceOptions& options);

  // Queues a request whose prompt_ids are given and in the vocabulary, to the fine-tune with `versions`, or null.
  // Throws as Service::submit.
  uint64_t submit(Submission submission, std::shared_ptr<WeightVersions> versions = nullptr);
  void cancel(uint64_t number);
  ServiceStatistics statistics() const;

  // Starts what may start, computes one step and tells who is to be told; false when there was nothing to do.
  bool step();
  // Waits until there may be work or somebody calls `wake`.
  void wait();
  void wake();
  // Ends everything as cancelled.
  void end_all();

 private:
  struct Job {
    uint64_t number = 0;
    Submission submission = {};
    std::shared_ptr<WeightVersions> versions = {};
    Stopwatch since_submit = {};
    // From here on once it runs:
    Sequence sequence = {};
    int64_t n_known = 0;  // PrefixCache::Found
    std::unique_ptr<Continuation> continuation = {};
    Stopwatch since_start = {};
    // Of the step: ids that the sequence held before it, whether there are scores of it, and whether more are of use.
    size_t n_held = 0;
    bool has_scores = false;
    bool wants_scores = false;
    bool is_told = false;  // some of the step's scores have been taken
    bool has_ended = false;
    std::optional<Error> error = {};  // why it ended, when it failed

    std::vector<int32_t> reread = {};  // what the text was when it became so long that all keys change, or empty
    bool is_reading = false;           // in this step
    bool is_stale = false;             // the state is of weights that have been replaced

    std::span<const int32_t> prompt() const { return submission.request.prompt_ids; }
    std::span<const int32_t> to_read() const { return reread.empty() ? prompt() : reread; }
    int64_t n_unread() const { return std::max<int64_t>(0, std::ssize(to_read()) - std::ssize(sequence.ids)); }
    // Whose beginnings it may use: a client's with one fine-tune.
    std::string owner() const;
    bool is_cancelled(const std::unordered_set<uint64_t>& numbers) const;
  };
  using JobPointer = std::unique_ptr<Job>;

  void end_cancelled();
  JobPointer take_next();
  void forget_replaced();
  void start_queued();
  void start(Job& job);
  void plan();
  void plan_texts();
  static void read_anew(Job& job, PassLoad& load);
  void plan_prompts();
  void group_by_fine_tune();
  void add_feed(Job& job, LogitsWanted wanted);
  void run();
  static void fail(Job& job, const Error& error);
  void go_back(Job& job);
  void take_scores(Job& job, int64_t row, std::span<const float> logits);
  void take_ids(Job& job);
  void keep_beginning(const Job& job);
  void tell(Job& job);
  void remove_ended();

  Runner& runner_;
  StatePool& states_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  ServiceOptions options_;
  PrefixCache prefixes_;
  uint64_t generation_;              // Runner::generation that all states are of
  std::vector<JobPointer> running_;  // in the order in which they started
  std::vector<Feed> feeds_;          // of the step being computed
  std::vector<Job*> fed_;            // their jobs

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable has_work_;
  std::deque<JobPointer> queue_;
  std::unordered_set<uint64_t> cancelled_;
  ServiceStatistics statistics_;
  uint64_t last_number_ = 0;
  bool is_woken_ = false;
};

}  // namespace tidemill
