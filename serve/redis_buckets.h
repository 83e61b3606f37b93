// Buckets in Redis or Valkey, which several servers share.  When it cannot be reached, each server counts for itself
// until it can be again: a limit that fails should not end the service.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "serve/request_log.h"
#include "serve/token_bucket.h"

struct redisContext;

namespace tidemill::serve {

struct RedisAddress {
  std::string host;
  int port = 6379;
  std::string password;  // empty: none
  int database = 0;
};

// "redis://[:PASSWORD@]HOST[:PORT][/DATABASE]".  Throws invalid_argument, without quoting the text.
RedisAddress parse_redis_address(const std::string& text);

class RedisBuckets : public Buckets {
 public:
  RedisBuckets(const RateLimits& limits, RedisAddress address, Log& log);
  ~RedisBuckets() override;

  BucketLevels take_request(const std::string& client) override;
  void take_tokens(const std::string& client, int64_t n) override;

 private:
  struct CloseContext {
    void operator()(redisContext* context) const;
  };

  bool connect();
  // Empty when Redis does not answer.
  std::optional<BucketLevels> ask(const std::string& client, int64_t n_requests, int64_t n_tokens);
  void note_failure(const std::string& why);
  void spend();

  RateLimits limits_;
  RedisAddress address_;
  Log& log_;
  MemoryBuckets fallback_;

  std::mutex connection_mutex_;  // guards what follows
  std::unique_ptr<redisContext, CloseContext> context_;
  double next_try_ = 0;
  bool has_failed_ = false;

  // Tokens are taken on a thread of their own: who tells of them must not wait for a network.
  std::mutex spent_mutex_;  // guards what follows
  std::condition_variable has_spent_;
  std::deque<std::pair<std::string, int64_t>> spent_;
  bool is_ending_ = false;
  std::thread spender_;
};

}  // namespace tidemill::serve
