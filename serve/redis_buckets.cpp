#include "serve/redis_buckets.h"

#include <hiredis/hiredis.h>

#include <charconv>
#include <chrono>

#include "tidemill/error.h"

namespace tidemill::serve {
namespace {

constexpr timeval kTimeout = {.tv_sec = 0, .tv_usec = 200'000};
constexpr double kSecondsBetweenTries = 1;
constexpr size_t kMostSpent = 10'000;

// MemoryBuckets, by Redis' own clock: KEYS[1] the client; ARGV requests and tokens a minute, then what to take of them.
// https://redis.io/docs/latest/commands/eval/
constexpr const char* kScript = R"(
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local per_minute = {tonumber(ARGV[1]), tonumber(ARGV[2])}
local held = redis.call('HMGET', KEYS[1], 'requests', 'tokens', 'at')
local elapsed = held[3] and math.max(0, now - tonumber(held[3])) or 0
local level = {}
for i = 1, 2 do
  level[i] = math.min(per_minute[i], (held[i] and tonumber(held[i]) or per_minute[i]) + elapsed * per_minute[i] / 60)
end
local allowed = 1
if tonumber(ARGV[3]) > 0 and ((per_minute[1] > 0 and level[1] < 1) or (per_minute[2] > 0 and level[2] <= 0)) then
  allowed = 0
else
  if per_minute[1] > 0 then level[1] = level[1] - tonumber(ARGV[3]) end
  if per_minute[2] > 0 then level[2] = level[2] - tonumber(ARGV[4]) end
end
redis.call('HSET', KEYS[1], 'requests', tostring(level[1]), 'tokens', tostring(level[2]), 'at', string.format('%.6f', now))
local empty_for = per_minute[2] > 0 and math.max(0, -level[2]) * 60 / per_minute[2] or 0
redis.call('EXPIRE', KEYS[1], 120 + math.ceil(empty_for))
return {allowed, tostring(level[1]), tostring(level[2])}
)";

double monotonic_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

template <typename... Values>
Reply command(redisContext* context, const char* format, const Values&... values) {
  return Reply(static_cast<redisReply*>(redisCommand(context, format, values...)));
}

double number_of(const redisReply& reply) {
  double value = 0;
  if (reply.type == REDIS_REPLY_STRING) std::from_chars(reply.str, reply.str + reply.len, value);
  return value;
}

int whole_number(const std::string& text, int most) {
  int value = -1;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc() && end == text.data() + text.size() && value <= most ? value : -1;
}

}  // namespace

RedisAddress parse_redis_address(const std::string& text) {
  constexpr std::string_view kScheme = "redis://";
  RedisAddress address;
  std::string rest = text.starts_with(kScheme) ? text.substr(kScheme.size()) : "";
  if (const size_t at = rest.rfind('@'); at != std::string::npos) {
    const std::string user = rest.substr(0, at);
    address.password = user.substr(user.find(':') + 1);
    rest.erase(0, at + 1);
  }
  if (const size_t slash = rest.find('/'); slash != std::string::npos) {
    if (slash + 1 < rest.size()) address.database = whole_number(rest.substr(slash + 1), 1'000'000);
    rest.resize(slash);
  }
  if (const size_t colon = rest.rfind(':'); colon != std::string::npos) {
    address.port = whole_number(rest.substr(colon + 1), 65535);
    rest.resize(colon);
  }
  address.host = rest;
  if (address.host.empty() || address.port <= 0 || address.database < 0)
    throw Error(ErrorCode::invalid_argument,
                "--rate-limit-redis: is not an address; give one such as redis://127.0.0.1:6379/0");
  return address;
}

void RedisBuckets::CloseContext::operator()(redisContext* context) const {
  redisFree(context);
}

RedisBuckets::RedisBuckets(const RateLimits& limits, RedisAddress address, Log& log)
    : limits_(limits), address_(std::move(address)), log_(log), fallback_(limits, monotonic_seconds), spender_([this] {
        spend();
      }) {}

RedisBuckets::~RedisBuckets() {
  {
    const std::lock_guard lock(spent_mutex_);
    is_ending_ = true;
  }
  has_spent_.notify_one();
  spender_.join();
}

void RedisBuckets::note_failure(const std::string& why) {
  context_.reset();
  next_try_ = monotonic_seconds() + kSecondsBetweenTries;
  if (!std::exchange(has_failed_, true))
    log_.warn("rate limits: " + address_.host + ":" + std::to_string(address_.port) + " does not answer (" + why +
              "); this server counts for itself until it does");
}

bool RedisBuckets::connect() {
  if (context_) return true;
  if (monotonic_seconds() < next_try_) return false;
  context_.reset(redisConnectWithTimeout(address_.host.c_str(), address_.port, kTimeout));
  if (!context_ || context_->err != 0) {
    note_failure(context_ ? context_->errstr : "out of memory");
    return false;
  }
  redisSetTimeout(context_.get(), kTimeout);
  const auto accepts = [&](const Reply& reply) { return reply && reply->type != REDIS_REPLY_ERROR; };
  if ((!address_.password.empty() && !accepts(command(context_.get(), "AUTH %s", address_.password.c_str()))) ||
      !accepts(command(context_.get(), "SELECT %d", address_.database))) {
    note_failure("it refuses the password or the database");
    return false;
  }
  if (std::exchange(has_failed_, false)) log_.say("rate limits: " + address_.host + " answers again");
  return true;
}

std::optional<BucketLevels> RedisBuckets::ask(const std::string& client, int64_t n_requests, int64_t n_tokens) {
  const std::lock_guard lock(connection_mutex_);
  if (!connect()) return std::nullopt;
  const std::string key = "tidemill:rate:" + client;
  const auto text = [](int64_t value) { return std::to_string(value); };
  const Reply reply = command(context_.get(), "EVAL %s 1 %b %s %s %s %s", kScript, key.data(), key.size(),
                              text(limits_.requests_per_minute).c_str(), text(limits_.tokens_per_minute).c_str(),
                              text(n_requests).c_str(), text(n_tokens).c_str());
  if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 3) {
    note_failure(!reply ? context_->errstr : reply->type == REDIS_REPLY_ERROR ? reply->str : "an unknown answer");
    return std::nullopt;
  }
  return BucketLevels{.requests = number_of(*reply->element[1]),
                      .tokens = number_of(*reply->element[2]),
                      .is_allowed = reply->element[0]->integer == 1};
}

BucketLevels RedisBuckets::take_request(const std::string& client) {
  const auto levels = ask(client, 1, 0);
  return levels ? *levels : fallback_.take_request(client);
}

void RedisBuckets::take_tokens(const std::string& client, int64_t n) {
  if (limits_.tokens_per_minute == 0) return;
  {
    const std::lock_guard lock(spent_mutex_);
    if (spent_.size() >= kMostSpent) spent_.pop_front();
    spent_.emplace_back(client, n);
  }
  has_spent_.notify_one();
}

void RedisBuckets::spend() {
  std::unique_lock lock(spent_mutex_);
  while (true) {
    has_spent_.wait(lock, [&] { return is_ending_ || !spent_.empty(); });
    if (is_ending_) return;
    const auto [client, n] = std::move(spent_.front());
    spent_.pop_front();
    lock.unlock();
    if (!ask(client, 0, n)) fallback_.take_tokens(client, n);
    lock.lock();
  }
}

}  // namespace tidemill::serve
