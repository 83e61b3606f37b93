// Caches: how often LRU and S3-FIFO find a key, on requests by Zipf's law with and without scans, and how many requests
// a second 1 and 2 threads make, beside a std::list and a std::unordered_map under a mutex.
//   cache_bench
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "sys/random.h"
#include "tidemill/cache.h"
#include "tidemill/stopwatch.h"

namespace {

using tidemill::Cache;
using tidemill::CachePolicy;

constexpr uint64_t kKeys = 100'000;
constexpr size_t kRequests = 2'000'000;

// Keys of which the k-th most frequent is asked for in proportion to k^-exponent; `scanned` of all requests belong to
// runs through keys that never come back.
std::vector<uint64_t> trace(double exponent, double scanned) {
  std::vector<double> sums(kKeys);
  double sum = 0;
  for (uint64_t key = 0; key < kKeys; ++key) sums[key] = sum += std::pow(static_cast<double>(key + 1), -exponent);
  tidemill::Random random(1);
  std::vector<uint64_t> keys;
  constexpr size_t kScan = 10'000;
  uint64_t next_scanned = kKeys;
  while (keys.size() < kRequests) {
    if (scanned > 0 && random.uniform() < scanned / (1 - scanned) / kScan)
      for (size_t k = 0; k < kScan; ++k) keys.push_back(next_scanned++);
    keys.push_back(
        static_cast<uint64_t>(std::lower_bound(sums.begin(), sums.end(), random.uniform() * sum) - sums.begin()));
  }
  return keys;
}

double hit_rate(CachePolicy policy, size_t capacity, const std::vector<uint64_t>& keys) {
  Cache<uint64_t, uint64_t> cache({.capacity = capacity, .policy = policy});
  for (const uint64_t key : keys)
    if (!cache.get(key)) cache.put(key, key);
  return cache.statistics().hit_rate();
}

void print_hit_rates() {
  std::printf("%9s %7s %9s %8s %8s\n", "exponent", "scans", "capacity", "LRU", "S3-FIFO");
  for (const double exponent : {0.7, 1.0, 1.3})
    for (const double scanned : {0.0, 0.2}) {
      const std::vector<uint64_t> keys = trace(exponent, scanned);
      for (const size_t capacity : {kKeys / 100, kKeys / 10})
        std::printf("%9.1f %6.0f%% %9zu %7.1f%% %7.1f%%\n", exponent, scanned * 100, capacity,
                    100 * hit_rate(CachePolicy::lru, capacity, keys),
                    100 * hit_rate(CachePolicy::s3_fifo, capacity, keys));
    }
}

// What one writes first.
class PlainLru {
 public:
  explicit PlainLru(size_t capacity) : capacity_(capacity) {}
  std::optional<uint64_t> get(uint64_t key) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return {};
    order_.splice(order_.begin(), order_, found->second);
    return found->second->second;
  }
  void put(uint64_t key, uint64_t value) {
    const std::lock_guard lock(mutex_);
    order_.emplace_front(key, value);
    entries_[key] = order_.begin();
    if (entries_.size() <= capacity_) return;
    entries_.erase(order_.back().first);
    order_.pop_back();
  }

 private:
  size_t capacity_;
  std::mutex mutex_;
  std::list<std::pair<uint64_t, uint64_t>> order_;
  std::unordered_map<uint64_t, std::list<std::pair<uint64_t, uint64_t>>::iterator> entries_;
};

template <typename Tried>
double requests_a_second(Tried& cache, int n_threads, const std::vector<uint64_t>& keys) {
  const tidemill::Stopwatch watch;
  std::vector<std::thread> threads;
  for (int index = 0; index < n_threads; ++index)
    threads.emplace_back([&, index] {
      for (size_t k = static_cast<size_t>(index) * 7919; k < keys.size(); ++k)
        if (!cache.get(keys[k])) cache.put(keys[k], keys[k]);
    });
  for (std::thread& thread : threads) thread.join();
  return static_cast<double>(keys.size()) * n_threads / watch.seconds();
}

template <typename Make>
void print_speed(const char* name, const std::vector<uint64_t>& keys, Make&& make) {
  std::printf("%-24s", name);
  for (const int n_threads : {1, 2}) {
    double best = 0;
    for (int round = 0; round < 3; ++round) {
      auto cache = make();
      best = std::max(best, requests_a_second(*cache, n_threads, keys));
    }
    std::printf(" %11.1f", best / 1e6);
  }
  std::printf("\n");
}

void print_speeds() {
  const std::vector<uint64_t> keys = trace(1.0, 0);
  static constexpr size_t kCapacity = kKeys / 10;
  std::printf("\n%-24s %11s %11s   million requests a second, exponent 1, capacity %zu\n", "", "1 thread", "2 threads",
              kCapacity);
  print_speed("list and unordered_map", keys, [] { return std::make_unique<PlainLru>(kCapacity); });
  const auto ours = [&](const char* name, CachePolicy policy, int shards) {
    print_speed(name, keys, [=] {
      return std::make_unique<Cache<uint64_t, uint64_t>>(
          tidemill::CacheOptions{.capacity = kCapacity, .policy = policy, .shards = shards});
    });
  };
  ours("LRU", CachePolicy::lru, 1);
  ours("LRU, 8 shards", CachePolicy::lru, 8);
  ours("S3-FIFO", CachePolicy::s3_fifo, 1);
  ours("S3-FIFO, 8 shards", CachePolicy::s3_fifo, 8);
}

}  // namespace

int main() {
  print_hit_rates();
  print_speeds();
  return 0;
}
