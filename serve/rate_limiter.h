// Rate limiter: requests and tokens a minute for each client, who learns what is left from OpenAI's headers
// (https://platform.openai.com/docs/guides/rate-limits).
#pragma once

#include <memory>
#include <string>

#include "serve/http.h"
#include "serve/token_bucket.h"

namespace tidemill::serve {

class RateLimiter {
 public:
  RateLimiter(const RateLimits& limits, std::unique_ptr<Buckets> buckets)
      : limits_(limits), buckets_(std::move(buckets)) {}

  // Takes a request of `client`; returns the headers that tell what is left.  Throws ApiError 429, with the seconds
  // after which to try again.
  Headers take_request(const std::string& client);
  void take_tokens(const std::string& client, int64_t n) { buckets_->take_tokens(client, n); }

 private:
  RateLimits limits_;
  std::unique_ptr<Buckets> buckets_;
};

}  // namespace tidemill::serve
