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

MemoryBuckets::Entry& MemoryBuckets::refilled(const std::string& client) {
  const double now = seconds_();
  if (entries_.size() >= kMostClients && !entries_.contains(client)) make_room(now);
  const Entry full = {static_cast<double>(limits_.requests_per_minute), static_cast<double>(limits_.tokens_per_minute),
                      now};
  Entry& entry = entries_.try_emplace(client, full).first->second;
  entry.requests = refill(entry.requests, limits_.requests_per_minute, now - entry.at);
  entry.tokens = refill(entry.tokens, limits_.tokens_per_minute, now - entry.at);
  entry.at = now;
  return entry;
}

// Forgets those who have asked for nothing for a minute; when there are none of these, anybody.
void MemoryBuckets::make_room(double now) {
  std::erase_if(entries_, [&](const auto& item) { return now - item.second.at > kMinute; });
  if (entries_.size() >= kMostClients) entries_.erase(entries_.begin());
}

BucketLevels MemoryBuckets::take_request(const std::string& client) {
  const std::lock_guard lock(mutex_);
  Entry& entry = refilled(client);
  const bool is_allowed =
      (limits_.requests_per_minute == 0 || entry.requests >= 1) && (limits_.tokens_per_minute == 0 || entry.tokens > 0);
  if (is_allowed && limits_.requests_per_minute > 0) entry.requests -= 1;
  return {.requests = entry.requests, .tokens = entry.tokens, .is_allowed = is_allowed};
}

void MemoryBuckets::take_tokens(const std::string& client, int64_t n) {
  if (limits_.tokens_per_minute == 0) return;
  const std::lock_guard lock(mutex_);
  refilled(client).tokens -= static_cast<double>(n);
}

}  // namespace tidemill::serve
