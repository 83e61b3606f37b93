// Service: many requests at once over one engine.  They share its steps, join and leave between them, and each gets the
// tokens that it would get alone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tidemill/engine.h"
#include "tidemill/error.h"

namespace tidemill {

struct ServiceOptions {
  int64_t max_running = 16;                     // sequences that share steps; each may use the engine's whole context
  int64_t max_queued = 64;                      // requests that wait for one of those to end
  int64_t max_kept_bytes = int64_t{512} << 20;  // of the states of texts, kept for prompts that begin alike
  int32_t speculate = -1;                       // Request::speculate of requests that have -1
};

// A request with who asks and who is told.  All functions are called on the service's thread, must be quick, and must
// not throw or call the service; exactly one of on_end and on_error is called, and nothing after it.
struct Submission {
  Request request;
  // A fine-tune of the service's engine that is asked (Engine::with_deltas); none: the service's engine.
  std::optional<Engine> engine = {};
  std::string client = {};  // requests of one client share what is kept of their prompts, and wait for each other
  int32_t priority = 0;     // greater ones start first
  EventSink on_event = {};  // false ends the request as cancelled
  std::function<void(Result&&)> on_end = {};
  std::function<void(const Error&)> on_error = {};
};

struct ServiceStatistics {
  int64_t n_running = 0;
  int64_t n_queued = 0;
  int64_t kept_bytes = 0;   // for prompts that begin as texts did, with what running texts share of it
  int64_t state_bytes = 0;  // of all states
  // Pages of states: in use, of those the ones that several texts share, and taken from the system for texts to come.
  int64_t pages_used = 0;
  int64_t pages_shared = 0;
  int64_t pages_free = 0;
  // Since the start:
  int64_t page_takes = 0;   // pages that texts took for their states
  int64_t page_reuses = 0;  // of those, the ones that others had used before: no memory came from the system
  int64_t n_submitted = 0;
  int64_t n_ended = 0;  // of their own accord
  int64_t n_cancelled = 0;
  int64_t n_failed = 0;
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;  // of the prompts, taken from kept states
  int64_t completion_tokens = 0;
  int64_t draft_tokens = 0;  // guesses of what follows (Request::speculate)
  int64_t accepted_tokens = 0;
  int64_t n_steps = 0;
  int64_t n_step_tokens = 0;  // rows of all steps
};

// All functions may be called from any thread.
class Service {
 public:
  // Throws invalid_argument for options below 1 and what Engine's sessions throw for an encoder.
  explicit Service(const Engine& engine, const ServiceOptions& options = {});
  // Ends everything as cancelled.
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Queues a request and returns its number.  Throws queue_full, context_full for a prompt that does not fit, and
  // invalid_argument for an empty one, for options out of range and for an engine of another model; then none of the
  // functions is called.
  uint64_t submit(Submission submission);
  // Ends a request, queued or running, before another of its tokens is computed.  Unknown numbers are ignored.
  void cancel(uint64_t number);

  const Engine& engine() const;
  ServiceStatistics statistics() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemill
