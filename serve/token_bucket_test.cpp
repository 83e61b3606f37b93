#include "serve/token_bucket.h"

#include <gtest/gtest.h>

#include "serve/api_error.h"
#include "serve/rate_limiter.h"
#include "serve/redis_buckets.h"

namespace tidemill::serve {
namespace {

class TokenBucketTest : public testing::Test {
 protected:
  std::unique_ptr<MemoryBuckets> buckets(int64_t requests, int64_t tokens) {
    return std::make_unique<MemoryBuckets>(RateLimits{requests, tokens}, [this] { return now_; });
  }
  double now_ = 1000;
};

TEST_F(TokenBucketTest, AMinutesWorthMayComeAtOnceAndFillsEvenly) {
  const auto held = buckets(6, 0);
  for (int taken = 0; taken < 6; ++taken) EXPECT_TRUE(held->take_request("a").is_allowed);
  EXPECT_FALSE(held->take_request("a").is_allowed);
  EXPECT_TRUE(held->take_request("b").is_allowed) << "clients have buckets of their own";
  now_ += 9;
  EXPECT_FALSE(held->take_request("a").is_allowed);
  now_ += 1.01;
  EXPECT_TRUE(held->take_request("a").is_allowed);
  EXPECT_FALSE(held->take_request("a").is_allowed);
  now_ += 1e6;  // no more than a minute's worth is ever there
  for (int taken = 0; taken < 6; ++taken) EXPECT_TRUE(held->take_request("a").is_allowed);
  EXPECT_FALSE(held->take_request("a").is_allowed);
}

TEST_F(TokenBucketTest, TokensMayBeOwed) {
  const auto held = buckets(0, 60);
  EXPECT_TRUE(held->take_request("a").is_allowed);
  held->take_tokens("a", 90);
  EXPECT_FALSE(held->take_request("a").is_allowed);
  now_ += 29;
  EXPECT_FALSE(held->take_request("a").is_allowed);
  now_ += 2;
  EXPECT_TRUE(held->take_request("a").is_allowed);
}

TEST_F(TokenBucketTest, ManyClientsTakeBoundedMemory) {
  const auto held = buckets(2, 0);
  held->take_request("victim");
  for (size_t index = 0; index < MemoryBuckets::kMostClients + 10; ++index)
    EXPECT_TRUE(held->take_request(std::to_string(index)).is_allowed);
}

TEST_F(TokenBucketTest, WhoKeepsAskingIsNotForgotten) {
  const auto held = buckets(2, 0);
  held->take_request("greedy");
  for (size_t index = 0; index < MemoryBuckets::kMostClients + 10; ++index) {
    held->take_request(std::to_string(index));
    if (index % 1000 == 0) held->take_request("greedy");
  }
  EXPECT_FALSE(held->take_request("greedy").is_allowed) << "others cannot fill up anybody's buckets";
}

TEST_F(TokenBucketTest, HeadersTellWhatIsLeftAndWhenToTryAgain) {
  RateLimiter limiter({2, 120}, buckets(2, 120));
  const Headers first = limiter.take_request("a");
  EXPECT_EQ(first.at("x-ratelimit-limit-requests"), "2");
  EXPECT_EQ(first.at("x-ratelimit-remaining-requests"), "1");
  EXPECT_EQ(first.at("x-ratelimit-reset-requests"), "30.000s");
  EXPECT_EQ(first.at("x-ratelimit-remaining-tokens"), "120");
  limiter.take_request("a");
  try {
    limiter.take_request("a");
    FAIL() << "a third request was taken";
  } catch (const ApiError& error) {
    EXPECT_EQ(error.status(), 429);
    EXPECT_EQ(error.response().headers.at("retry-after"), "30");
    EXPECT_EQ(error.response().headers.at("x-ratelimit-remaining-requests"), "0");
  }
  now_ += 60;
  limiter.take_request("a");
  limiter.take_tokens("a", 121);
  try {
    limiter.take_request("a");
    FAIL() << "nothing was left of the tokens";
  } catch (const ApiError& error) {
    EXPECT_NE(std::string(error.what()).find("tokens: 120 a minute"), std::string::npos);
    EXPECT_EQ(error.response().headers.at("retry-after"), "1");
  }
}

TEST(RedisAddressTest, IsReadAndItsPasswordIsNeverQuoted) {
  const RedisAddress whole = parse_redis_address("redis://:pass@word@cache:7000/3");
  EXPECT_EQ(whole.host, "cache");
  EXPECT_EQ(whole.port, 7000);
  EXPECT_EQ(whole.password, "pass@word");
  EXPECT_EQ(whole.database, 3);
  EXPECT_EQ(parse_redis_address("redis://cache").port, 6379);
  for (const char* wrong : {"", "cache", "redis://", "redis://:secret@", "redis://a:x", "redis://a:70000",
                            "redis://a/x", "redis://:secret@a:-1"}) {
    try {
      parse_redis_address(wrong);
      FAIL() << wrong;
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace tidemill::serve
