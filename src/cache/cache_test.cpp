#include "tidemill/cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <list>
#include <map>
#include <random>
#include <string>
#include <thread>

#include "tidemill/error.h"

namespace tidemill {
namespace {

using Numbers = Cache<int, int>;
using Texts = Cache<std::string, std::shared_ptr<const std::string>, StringHash>;

TEST(CacheTest, WhatWasUsedLongestAgoGoesFirst) {
  Numbers cache({.capacity = 2});
  cache.put(1, 10);
  cache.put(2, 20);
  EXPECT_EQ(cache.get(1), 10);
  cache.put(3, 30);
  EXPECT_EQ(cache.get(2), std::nullopt);
  EXPECT_EQ(cache.get(1), 10);
  cache.put(1, 11);
  cache.put(4, 40);
  EXPECT_EQ(cache.get(1), 11);
  EXPECT_FALSE(cache.contains(3));
  const CacheStatistics counted = cache.statistics();
  EXPECT_EQ(counted.hits, 3);
  EXPECT_EQ(counted.misses, 1);
  EXPECT_EQ(counted.evictions, 2);
  EXPECT_EQ(counted.entries, 2);
  EXPECT_DOUBLE_EQ(counted.hit_rate(), 0.75);
}

// An LRU cache that is nothing but a list, the last used first.
class Model {
 public:
  Model(size_t capacity, size_t capacity_bytes) : capacity_(capacity), capacity_bytes_(capacity_bytes) {}
  std::optional<int> get(int key) {
    for (auto at = entries_.begin(); at != entries_.end(); ++at) {
      if (at->key != key) continue;
      entries_.splice(entries_.begin(), entries_, at);
      return at->value;
    }
    return {};
  }
  bool erase(int key) {
    return std::erase_if(entries_, [&](const Entry& entry) { return entry.key == key; }) > 0;
  }
  void put(int key, int value, size_t bytes) {
    erase(key);
    if (capacity_bytes_ > 0 && bytes > capacity_bytes_) return;
    entries_.push_front({key, value, bytes});
    while ((capacity_ > 0 && entries_.size() > capacity_) || (capacity_bytes_ > 0 && this->bytes() > capacity_bytes_))
      entries_.pop_back();
  }
  size_t bytes() const {
    size_t sum = 0;
    for (const Entry& entry : entries_) sum += entry.bytes;
    return sum;
  }
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    int key, value;
    size_t bytes;
  };
  size_t capacity_, capacity_bytes_;
  std::list<Entry> entries_;
};

TEST(CacheTest, DoesWhatAListWouldDo) {
  std::mt19937 random(7);
  for (const auto& [capacity, capacity_bytes] :
       {std::pair<size_t, size_t>{1, 0}, {7, 0}, {0, 100}, {50, 200}, {300, 0}}) {
    Numbers cache({.capacity = capacity, .capacity_bytes = capacity_bytes});
    Model model(capacity, capacity_bytes);
    for (int step = 0; step < 20'000; ++step) {
      const int key = static_cast<int>(random() % 400);
      switch (random() % 4) {
        case 0:
          ASSERT_EQ(cache.erase(key), model.erase(key));
          break;
        case 1:
          ASSERT_EQ(cache.get(key), model.get(key)) << step;
          break;
        default: {
          const size_t bytes = capacity_bytes == 0 ? 0 : random() % 110;
          cache.put(key, step, bytes);
          model.put(key, step, bytes);
        }
      }
      ASSERT_EQ(cache.statistics().entries, static_cast<int64_t>(model.size()));
      ASSERT_EQ(cache.statistics().bytes, static_cast<int64_t>(model.bytes()));
    }
  }
}

TEST(CacheTest, LimitsHoldForAllPoliciesAndShards) {
  for (const CachePolicy policy : {CachePolicy::lru, CachePolicy::s3_fifo}) {
    for (const int shards : {1, 4}) {
      Numbers cache({.capacity = 64, .capacity_bytes = 1000, .policy = policy, .shards = shards});
      std::mt19937 random(3);
      for (int step = 0; step < 20'000; ++step) {
        const int key = static_cast<int>(random() % 300);
        ASSERT_EQ(cache.get(key).value_or(key), key);
        cache.put(key, key, random() % 60);
        if (step % 7 == 0) cache.erase(static_cast<int>(random() % 300));
        const CacheStatistics now = cache.statistics();
        ASSERT_LE(now.entries, 64);
        ASSERT_LE(now.bytes, 1000);
      }
      EXPECT_GT(cache.statistics().hits, 1000);
      cache.clear();
      EXPECT_EQ(cache.statistics().entries, 0);
      EXPECT_EQ(cache.statistics().bytes, 0);
    }
  }
}

TEST(CacheTest, AScanDoesNotEmptyAnS3FifoCache) {
  const auto kept_after_scan = [](CachePolicy policy) {
    Numbers cache({.capacity = 100, .policy = policy});
    for (int round = 0; round < 4; ++round)
      for (int key = 0; key < 80; ++key)
        if (!cache.get(key)) cache.put(key, key);
    for (int key = 1000; key < 2000; ++key) cache.put(key, key);
    int n_kept = 0;
    for (int key = 0; key < 80; ++key) n_kept += cache.contains(key) ? 1 : 0;
    return n_kept;
  };
  EXPECT_EQ(kept_after_scan(CachePolicy::lru), 0);
  EXPECT_EQ(kept_after_scan(CachePolicy::s3_fifo), 80);
}

TEST(CacheTest, WhoComesBackIsRemembered) {
  Numbers cache({.capacity = 20, .policy = CachePolicy::s3_fifo});
  for (int key = 0; key < 20; ++key) cache.put(key, key);
  for (int key = 0; key < 20; ++key) cache.get(key), cache.get(key);
  for (int key = 100; key < 110; ++key) cache.put(key, key);  // all others are in the main queue now: 100 to 107 left
  ASSERT_FALSE(cache.contains(105));
  cache.put(105, 105);                                        // and came back, into the main queue
  for (int key = 200; key < 260; ++key) cache.put(key, key);  // which a scan does not reach
  EXPECT_TRUE(cache.contains(105));
}

TEST(CacheTest, ValuesExpire) {
  double now = 0;
  Numbers cache({.capacity = 10, .ttl_seconds = 5, .seconds = [&] { return now; }});
  cache.put(1, 10);
  now = 3;
  cache.put(2, 20);
  EXPECT_EQ(cache.get(1), 10);
  now = 5;
  EXPECT_FALSE(cache.contains(1));
  EXPECT_EQ(cache.statistics().entries, 2);
  EXPECT_EQ(cache.get(1), std::nullopt);
  EXPECT_EQ(cache.statistics().expirations, 1);
  now = 7;
  cache.put(2, 21);  // lives anew
  now = 9;
  EXPECT_EQ(cache.get(2), 21);
  now = 12;
  cache.put(3, 30);  // makes room by itself
  EXPECT_EQ(cache.statistics().entries, 1);
  now = 20;
  cache.drop_expired();
  EXPECT_EQ(cache.statistics().entries, 0);
  EXPECT_EQ(cache.statistics().expirations, 3);
  EXPECT_EQ(cache.statistics().evictions, 0);
}

TEST(CacheTest, ValuesThatGrowAreWeighedAgain) {
  Cache<int, std::shared_ptr<std::string>> cache({.capacity = 10, .capacity_bytes = 100});
  for (int key = 0; key < 5; ++key) cache.put(key, std::make_shared<std::string>(), 10);
  (*cache.get(0))->resize(60);
  cache.weigh_again([](int, const std::shared_ptr<std::string>& text) { return text->size() + 10; });
  EXPECT_EQ(cache.statistics().bytes, 100);
  EXPECT_FALSE(cache.contains(1)) << "was used longest ago";
  EXPECT_TRUE(cache.contains(0));
}

TEST(CacheTest, KeysAreFoundByTheirLikes) {
  Texts cache({.capacity = 4});
  cache.put(std::string_view("mill"), std::make_shared<const std::string>("tide"));
  EXPECT_EQ(**cache.get(std::string_view("mill")), "tide");
  EXPECT_EQ(**cache.get("mill"), "tide");
}

TEST(CacheTest, ValuesAreChangedInPlace) {
  Numbers cache({.capacity = 2});
  const auto count = [&](int key) { return cache.update(key, [] { return 0; }, [](int& n) { return ++n; }); };
  EXPECT_EQ(count(1), 1);
  EXPECT_EQ(count(1), 2);
  count(2);
  count(3);
  EXPECT_EQ(count(1), 1) << "was forgotten";
}

// Keys and values may do anything when they die.
TEST(CacheTest, ADyingValueMayUseItsCache) {
  struct Caller {
    std::function<void()> call;
    ~Caller() { call(); }
  };
  Cache<int, std::shared_ptr<Caller>> cache({.capacity = 1});
  int n_died = 0;
  const auto value = [&] {
    return std::make_shared<Caller>(Caller{[&] {
      ++n_died;
      cache.contains(1);
    }});
  };
  cache.put(1, value());
  n_died = 0;  // of what was copied from
  cache.put(1, value());
  cache.put(2, value());
  cache.erase(2);
  cache.put(3, value());
  cache.clear();
  EXPECT_GE(n_died, 4);
}

TEST(CacheTest, WhatEqualThrowsLeavesTheCacheAsItWas) {
  struct Refusing {
    bool operator()(int a, int b) const {
      if (a == 13 && b == 13) throw std::runtime_error("13");
      return a == b;
    }
  };
  Cache<int, int, std::hash<int>, Refusing> cache({.capacity = 3});
  cache.put(13, 1);
  EXPECT_THROW(cache.put(13, 2), std::runtime_error);
  EXPECT_THROW(cache.get(13), std::runtime_error);
  EXPECT_THROW(cache.erase(13), std::runtime_error);
  cache.put(2, 2);
  EXPECT_EQ(cache.statistics().entries, 2);
}

TEST(CacheComputeTest, OneComputationServesAllWhoAsk) {
  Numbers cache({.capacity = 4});
  std::atomic<int> n_computed = 0, n_right = 0;
  std::vector<std::thread> threads;
  for (int k = 0; k < 8; ++k)
    threads.emplace_back([&] {
      const int value = cache.get_or_compute(5, [&] {
        ++n_computed;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        return 25;
      });
      n_right += value == 25 ? 1 : 0;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(n_computed, 1);
  EXPECT_EQ(n_right, 8);
  EXPECT_EQ(cache.statistics().misses, 1);
  EXPECT_EQ(cache.statistics().hits, 7);
  EXPECT_EQ(cache.get_or_compute(6, [] { return Numbers::Sized{36, 100}; }), 36);
  EXPECT_EQ(cache.statistics().bytes, 100);
}

TEST(CacheComputeTest, WhatItThrowsReachesAllWhoWait) {
  Numbers cache({.capacity = 4});
  std::atomic<int> n_computed = 0, n_thrown = 0;
  std::vector<std::thread> threads;
  for (int k = 0; k < 4; ++k)
    threads.emplace_back([&] {
      try {
        cache.get_or_compute(5, [&]() -> int {
          ++n_computed;
          std::this_thread::sleep_for(std::chrono::milliseconds(50));
          throw std::runtime_error("no");
        });
      } catch (const std::runtime_error&) {
        ++n_thrown;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(n_thrown, 4);
  EXPECT_LE(n_computed, 4);
  EXPECT_EQ(cache.get_or_compute(5, [] { return 1; }), 1) << "the next one tries again";
}

TEST(CacheComputeTest, AskingForItselfIsRefused) {
  Numbers cache({.capacity = 4});
  EXPECT_THROW(cache.get_or_compute(1, [&] { return cache.get_or_compute(1, [] { return 1; }); }), Error);
  EXPECT_EQ(cache.get_or_compute(1, [&] { return cache.get_or_compute(2, [] { return 2; }); }), 2);
}

TEST(CacheComputeTest, ACircleOfThreadsIsRefused) {
  Numbers first({.capacity = 4}), second({.capacity = 4});
  std::atomic<int> n_begun = 0, n_refused = 0, n_ended = 0;
  const auto ask = [&](Numbers& mine, Numbers& other) {
    try {
      mine.get_or_compute(1, [&] {
        ++n_begun;
        while (n_begun < 2) std::this_thread::yield();
        return other.get_or_compute(1, [] { return 1; });
      });
    } catch (const Error&) {
      ++n_refused;
    }
    ++n_ended;
  };
  std::thread thread([&] { ask(second, first); });
  ask(first, second);
  thread.join();
  EXPECT_EQ(n_ended, 2);
  EXPECT_GE(n_refused, 1);
}

TEST(CacheComputeTest, WhatIsPutMeanwhileStays) {
  Numbers cache({.capacity = 4});
  EXPECT_EQ(cache.get_or_compute(1,
                                 [&] {
                                   cache.put(1, 2);
                                   return 1;
                                 }),
            1);
  EXPECT_EQ(cache.get(1), 2);
  EXPECT_EQ(cache.get_or_compute(3,
                                 [&] {
                                   cache.erase(3);
                                   return 1;
                                 }),
            1);
  EXPECT_FALSE(cache.contains(3));
}

TEST(CacheComputeTest, AClaimThatIsGivenUpFails) {
  Numbers cache({.capacity = 4});
  auto waiting = [&] {
    const auto claim = cache.claim(1);
    EXPECT_TRUE(claim.is_ours());
    return cache.claim(1);
  }();
  EXPECT_FALSE(waiting.is_ours());
  EXPECT_TRUE(waiting.wait_for(10));
  EXPECT_THROW(waiting.result(), std::runtime_error);
}

TEST(CacheThreadsTest, ManyThreadsSeeOnlyWhatWasPut) {
  for (const CachePolicy policy : {CachePolicy::lru, CachePolicy::s3_fifo}) {
    Cache<int, std::shared_ptr<int>> cache({.capacity = 100, .policy = policy, .shards = 4});
    std::atomic<int> n_wrong = 0;
    std::vector<std::thread> threads;
    for (unsigned seed = 0; seed < 4; ++seed)
      threads.emplace_back([&, seed] {
        std::mt19937 random(seed);
        for (int step = 0; step < 20'000; ++step) {
          const int key = static_cast<int>(random() % 300);
          if (const auto found = cache.get(key); found && **found != key) ++n_wrong;
          if (step % 3 == 0) cache.put(key, std::make_shared<int>(key));
          if (step % 31 == 0) cache.erase(key);
          if (step % 5 == 0 && *cache.get_or_compute(key, [&] { return std::make_shared<int>(key); }) != key) ++n_wrong;
          if (step % 5000 == 0) cache.clear();
        }
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(n_wrong, 0);
    EXPECT_LE(cache.statistics().entries, 100);
  }
}

}  // namespace
}  // namespace tidemill
