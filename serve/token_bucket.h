// Token buckets: what a client may still ask for.  A bucket holds a minute's worth, fills evenly, and may go below zero
// by what a text that has begun turns out to cost.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "tidemill/cache.h"

namespace tidemill::serve {

// What a minute gives; 0: as much as anybody wants.
struct RateLimits {
  int64_t requests_per_minute = 0;
  int64_t tokens_per_minute = 0;
};

// How full a client's two buckets are.
struct BucketLevels {
  double requests = 0;
  double tokens = 0;
  bool is_allowed = true;  // a request was taken
};

// Where buckets are kept.  May be used from any thread.
class Buckets {
 public:
  virtual ~Buckets() = default;
  // Takes a request when both buckets hold something, and tells what they hold then.
  virtual BucketLevels take_request(const std::string& client) = 0;
  // Takes tokens, also those that are not there.  Does not wait.
  virtual void take_tokens(const std::string& client, int64_t n) = 0;
};

// Of up to kMostClients; whoever has asked for nothing for longest is forgotten first.
class MemoryBuckets : public Buckets {
 public:
  // `seconds` is a clock that never goes back.
  MemoryBuckets(const RateLimits& limits, std::function<double()> seconds);

  BucketLevels take_request(const std::string& client) override;
  void take_tokens(const std::string& client, int64_t n) override;

  static constexpr size_t kMostClients = 100'000;

 private:
  struct Entry {
    double requests, tokens, at;
  };
  // Calls `change` with the client's buckets, filled up to now; nobody else sees them meanwhile.
  template <typename Change>
  auto with_refilled(const std::string& client, Change&& change);

  RateLimits limits_;
  std::function<double()> seconds_;
  Cache<std::string, Entry, StringHash> entries_{{.capacity = kMostClients}};
};

}  // namespace tidemill::serve
