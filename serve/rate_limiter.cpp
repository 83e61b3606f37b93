#include "serve/rate_limiter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "serve/api_error.h"

namespace tidemill::serve {
namespace {

// Until a bucket that holds `level` holds `wanted`, of what a minute gives.
double seconds_until(double wanted, double level, int64_t per_minute) {
  return per_minute == 0 ? 0 : std::max(0.0, (wanted - level) * 60 / static_cast<double>(per_minute));
}

std::string as_seconds(double seconds) {
  std::array<char, 32> text = {};
  std::snprintf(text.data(), text.size(), "%.3fs", seconds);
  return text.data();
}

void add_headers(Headers& headers, const std::string& what, int64_t per_minute, double level) {
  if (per_minute == 0) return;
  headers["x-ratelimit-limit-" + what] = std::to_string(per_minute);
  headers["x-ratelimit-remaining-" + what] = std::to_string(static_cast<int64_t>(std::max(0.0, std::floor(level))));
  headers["x-ratelimit-reset-" + what] = as_seconds(seconds_until(static_cast<double>(per_minute), level, per_minute));
}

}  // namespace

Headers RateLimiter::take_request(const std::string& client) {
  const BucketLevels levels = buckets_->take_request(client);
  Headers headers;
  add_headers(headers, "requests", limits_.requests_per_minute, levels.requests);
  add_headers(headers, "tokens", limits_.tokens_per_minute, levels.tokens);
  if (levels.is_allowed) return headers;
  const double for_request = seconds_until(1, levels.requests, limits_.requests_per_minute);
  const double for_token = seconds_until(1, levels.tokens, limits_.tokens_per_minute);
  const bool lacks_tokens = limits_.tokens_per_minute > 0 && levels.tokens <= 0;
  const double seconds = std::max(for_request, lacks_tokens ? for_token : 0);
  headers["retry-after"] = std::to_string(static_cast<int64_t>(std::max(1.0, std::ceil(seconds))));
  throw ApiError(429,
                 std::string(lacks_tokens ? "tokens" : "requests") + ": " +
                     std::to_string(lacks_tokens ? limits_.tokens_per_minute : limits_.requests_per_minute) +
                     " a minute are allowed; try again in " + as_seconds(seconds),
                 {}, "rate_limit_exceeded")
      .with_headers(std::move(headers));
}

}  // namespace tidemill::serve
