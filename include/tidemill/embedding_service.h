// EmbeddingService: texts of many askers become vectors together.  They share passes of the model, which changes no
// number, and take turns text by text, so that who asks for thousands keeps nobody waiting.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "tidemill/embedder.h"
#include "tidemill/error.h"

namespace tidemill {

struct EmbeddingServiceOptions {
  int64_t max_batch_texts = 16;    // that share a pass
  int64_t max_batch_tokens = 512;  // of a pass; a longer text has one of its own
  int64_t wanted_texts = 8;        // so many do not wait for others (EmbeddingTask::max_wait_ms)
  int64_t max_tasks = 64;          // that wait or run, streams among them
};

// Texts and who is told of their vectors.  All functions are called on the service's thread, must be quick and must not
// throw; exactly one of on_end and on_error is called, and nothing after it.  None begins after
// EmbeddingService::cancel.
struct EmbeddingTask {
  std::vector<EmbedInput> inputs;  // at least one
  double max_wait_ms = 0;          // how long they may wait for others to share a pass with
  std::function<void(size_t index, std::vector<float>&& vector)> on_vector = {};  // in their order
  std::function<void()> on_end = {};
  std::function<void(const Error&)> on_error = {};
};

struct EmbeddingServiceStatistics {
  int64_t n_tasks = 0;    // that wait or run
  int64_t n_waiting = 0;  // texts
  // Since the start:
  int64_t n_texts = 0;
  int64_t n_tokens = 0;
  int64_t n_passes = 0;
};

// All functions may be called from any thread.
class EmbeddingService {
 public:
  // Throws invalid_argument for options below 1.
  explicit EmbeddingService(const Embedder& embedder, const EmbeddingServiceOptions& options = {});
  // Drops what waits without another call.
  ~EmbeddingService();
  EmbeddingService(const EmbeddingService&) = delete;
  EmbeddingService& operator=(const EmbeddingService&) = delete;

  // Queues a task and returns its number.  Throws queue_full, and what Embedder::check throws for one of the inputs;
  // then none of the functions is called.
  uint64_t submit(EmbeddingTask task);
  // Ends a task before its next pass.  Unknown numbers are ignored.
  void cancel(uint64_t number);

  const Embedder& embedder() const;
  EmbeddingServiceStatistics statistics() const;

  class Impl;
  Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemill
