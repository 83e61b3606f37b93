#include "serve/token_bucket.h"

#include <algorithm>

namespace tidemill::serve {
namespace {

constexpr double kMinute = 60;

double refill(double level, int64_t per_minute, double seconds) {
  const auto full = static_cast<double>(per_minute);
  return std::min(full, level + seconds * full / kMinute);
}

}  // namespace

MemoryBuckets::MemoryBuckets(const RateLimits& limits, std::function<double()> seconds)
    : limits_(limits), seconds_(std::move(seconds)) {}

template <typename Change>
auto MemoryBuckets::with_refilled(const std::string& client, Change&& change) {
  const double now = seconds_();
  const auto full = [&] {
    return Entry{static_cast<double>(limits_.requests_per_minute), static_cast<double>(limits_.tokens_per_minute), now};
  };
  return entries_.update(client, full, [&](Entry& entry) {
    const double passed = std::max(0.0, now - entry.at);  // another thread may have been quicker
    entry.requests = refill(entry.requests, limits_.requests_per_minute, passed);
    entry.tokens = refill(entry.tokens, limits_.tokens_per_minute, passed);
    entry.at += passed;
    return change(entry);
  });
}

BucketLevels MemoryBuckets::take_request(const std::string& client) {
  return with_refilled(client, [&](Entry& entry) {
    const bool is_allowed = (limits_.requests_per_minute == 0 || entry.requests >= 1) &&
                            (limits_.tokens_per_minute == 0 || entry.tokens > 0);
    if (is_allowed && limits_.requests_per_minute > 0) entry.requests -= 1;
    return BucketLevels{.requests = entry.requests, .tokens = entry.tokens, .is_allowed = is_allowed};
  });
}

void MemoryBuckets::take_tokens(const std::string& client, int64_t n) {
  if (limits_.tokens_per_minute == 0) return;
  with_refilled(client, [&](Entry& entry) { return entry.tokens -= static_cast<double>(n); });
}

}  // namespace tidemill::serve
