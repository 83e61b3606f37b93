// Cache: values by their keys, within limits of number, bytes and age; what is worth least goes first.
//
//   Cache<std::string, std::shared_ptr<const Page>> pages({.capacity = 1000, .ttl_seconds = 60});
//   auto page = pages.get_or_compute(name, [&] { return load(name); });
//
// What the tokenizer, compiled grammars, the server's rate limits and Python's tidemill.cache keep things in.  Keys may
// be looked up by whatever Hash and Equal take, such as std::string_view with StringHash.  Values are copied out, so
// large ones belong into a std::shared_ptr.  All functions may be called from any thread.  Keys and values are
// destroyed, and computed, outside of the cache's locks, so that they may use the cache themselves.  What Hash and
// Equal throw passes through and leaves the cache as it was.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemill/cache_computation.h"
#include "tidemill/cache_index.h"
#include "tidemill/cache_statistics.h"

namespace tidemill {

struct CacheOptions {
  size_t capacity = 1024;     // entries; 0: as many as fit the bytes
  size_t capacity_bytes = 0;  // of the sizes that `put` is told; 0: any
  double ttl_seconds = 0;     // after which a value is no longer found; 0: never
  CachePolicy policy = CachePolicy::lru;
  // Each has a lock and its share of the limits, so that threads seldom wait for each other; with more than one, what
  // goes is the last of its shard rather than of all.  At least 1.
  int shards = 1;
  std::function<double()> seconds = {};  // a clock that never goes back; asked only where there is a ttl
};

// For keys of std::string that are looked up without making one.
struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

template <typename Key, typename Value, typename Hash = std::hash<Key>, typename Equal = std::equal_to<>>
class Cache {
 public:
  // A value with what it counts against capacity_bytes.
  struct Sized {
    Value value;
    size_t size_bytes = 0;
  };

  explicit Cache(const CacheOptions& options = {}, Hash hash = {}, Equal equal = {})
      : seconds_(options.seconds), has_ttl_(options.ttl_seconds > 0), hash_(std::move(hash)), equal_(std::move(equal)) {
    const auto n = static_cast<size_t>(std::max(options.shards, 1));
    const auto share = [&](size_t limit) { return limit / n + (limit % n == 0 ? 0 : 1); };
    shards_.reserve(n);
    for (size_t k = 0; k < n; ++k)
      shards_.push_back(std::make_unique<Shard>(
          CacheIndex(options.policy, share(options.capacity), share(options.capacity_bytes), options.ttl_seconds)));
  }

  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  // The value of a key, which counts as used.
  template <typename Lookup>
  std::optional<Value> get(const Lookup& key) {
    const uint32_t tag = tag_of(key);
    Retired retired;
    const double now = this->now();
    Shard& shard = shard_of(tag);
    const std::lock_guard lock(shard.mutex);
    if (const Value* value = shard.use(*this, key, tag, now, retired)) return *value;
    ++shard.statistics.misses;
    return std::nullopt;
  }

  // Whether there is a value, without counting as a use.
  template <typename Lookup>
  bool contains(const Lookup& key) const {
    const uint32_t tag = tag_of(key);
    const double now = this->now();
    const Shard& shard = shard_of(tag);
    const std::lock_guard lock(shard.mutex);
    const uint32_t found = shard.find(*this, key, tag);
    return found != CacheIndex::kNone && !shard.index.has_expired(found, now);
  }

  // Keeps a value in the place of any other.  One of more bytes than the limit is not kept.
  template <typename Lookup>
  void put(Lookup&& key, Value value, size_t size_bytes = 0) {
    const uint32_t tag = tag_of(key);
    Retired retired;
    const double now = this->now();
    Shard& shard = shard_of(tag);
    const std::lock_guard lock(shard.mutex);
    shard.disown(*this, key, tag);
    shard.put(*this, std::forward<Lookup>(key), tag, std::move(value), size_bytes, now, retired);
  }

  // The value of a key, which is computed once however many threads ask for it: the others wait, and what `compute`
  // throws reaches them all, and nothing is kept.  `compute` gives a Value or a Sized.  A `put` or `erase` of the key
  // in the meantime stays.  Throws invalid_argument where the computation would wait for itself.
  template <typename Lookup, typename Compute>
  Value get_or_compute(const Lookup& key, Compute&& compute) {
    Claim claim = this->claim(key);
    if (claim.found()) return *std::move(claim).found();
    if (!claim.is_ours()) {
      while (!claim.wait_for(kLong)) {
      }
      return claim.result();
    }
    try {
      return claim.fulfil(Sized{compute()});
    } catch (...) {
      claim.fail(std::current_exception());
      throw;
    }
  }

  // Calls `change` with the value of a key, made by `make` where there is none, under the lock; returns what it does.
  // Counts as a use.
  template <typename Lookup, typename Make, typename Change>
  auto update(const Lookup& key, Make&& make, Change&& change) {
    const uint32_t tag = tag_of(key);
    Retired retired;
    const double now = this->now();
    Shard& shard = shard_of(tag);
    const std::lock_guard lock(shard.mutex);
    if (Value* value = shard.use(*this, key, tag, now, retired)) return change(*value);
    ++shard.statistics.misses;
    return change(shard.items[shard.add(key, tag, make(), 0, now, retired)]->value);
  }

  // Returns whether there was a value.
  template <typename Lookup>
  bool erase(const Lookup& key) {
    const uint32_t tag = tag_of(key);
    Retired retired;
    const double now = this->now();
    Shard& shard = shard_of(tag);
    const std::lock_guard lock(shard.mutex);
    shard.disown(*this, key, tag);
    const uint32_t found = shard.find_live(*this, key, tag, now, retired);
    if (found != CacheIndex::kNone) shard.retire(found, retired);
    return found != CacheIndex::kNone;
  }

  // Forgets everything but what it counted.
  void clear() {
    drop_if([](Shard& shard, Retired& retired) {
      for (const auto& computed : shard.computed) computed->is_kept = false;
      for (size_t entry = 0; entry < shard.items.size(); ++entry)
        if (shard.items[entry]) shard.retire(static_cast<uint32_t>(entry), retired);
    });
  }

  // Forgets what is too old; otherwise that happens when room is needed or the key is asked for.
  void drop_expired() {
    drop_if([now = this->now()](Shard& shard, Retired& retired) { shard.drop_expired(now, retired); });
  }

  // For values that grow: asks for the size of each anew and lets go of what no longer fits.
  template <typename SizeOf>
  void weigh_again(SizeOf&& size_of) {
    drop_if([&](Shard& shard, Retired& retired) {
      for (size_t entry = 0; entry < shard.items.size(); ++entry)
        if (shard.items[entry])
          shard.index.resize(static_cast<uint32_t>(entry), size_of(shard.items[entry]->key, shard.items[entry]->value));
      shard.make_room(0, 0, retired);
    });
  }

  // Calls `visit` with each key and value, under a lock, in no order; it must not use the cache.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (const auto& shard : shards_) {
      const std::lock_guard lock(shard->mutex);
      shard->for_each(now(), visit);
    }
  }
  // The same for collectors of garbage, which must not wait: passes over what is locked.
  template <typename Visit>
  void for_each_unlocked(Visit&& visit) const {
    for (const auto& shard : shards_)
      if (const std::unique_lock lock(shard->mutex, std::try_to_lock); lock) shard->for_each(now(), visit);
  }

  // Bytes are the sum of the sizes that `put` was told.
  CacheStatistics statistics() const {
    CacheStatistics sum;
    for (const auto& shard : shards_) {
      const std::lock_guard lock(shard->mutex);
      sum.hits += shard->statistics.hits;
      sum.misses += shard->statistics.misses;
      sum.evictions += shard->statistics.evictions;
      sum.expirations += shard->statistics.expirations;
      sum.entries += static_cast<int64_t>(shard->index.n_entries());
      sum.bytes += static_cast<int64_t>(shard->index.size_bytes());
    }
    return sum;
  }

 private:
  struct Shard;
  struct Computed : CacheComputation {
    Computed(Key computed_key, uint32_t computed_tag) : key(std::move(computed_key)), tag(computed_tag) {}
    const Key key;
    const uint32_t tag;
    bool is_kept = true;         // guarded by the shard's lock
    std::optional<Value> value;  // written before the end
  };

 public:
  // What get_or_compute is made of, for callers that compute or wait in their own way.
  class Claim {
   public:
    Claim(Claim&&) noexcept = default;
    Claim& operator=(Claim&&) = delete;
    // A claim that was neither fulfilled nor failed fails.
    ~Claim() {
      if (is_ours_ && computed_) fail(std::make_exception_ptr(std::runtime_error("cache: nothing was computed")));
    }

    // The value, when it was there.
    const std::optional<Value>& found() const& { return found_; }
    std::optional<Value>&& found() && { return std::move(found_); }
    // Nobody computes it yet: the caller must, and then call `fulfil` or `fail`.
    bool is_ours() const { return is_ours_; }
    Value fulfil(Sized made) {
      const std::shared_ptr<Computed> computed = std::move(computed_);
      try {
        computed->value = std::move(made.value);
        cache_->finish(*computed, made.size_bytes);
      } catch (...) {
        computed_ = computed;
        throw;
      }
      computed->end();
      return *computed->value;
    }
    void fail(std::exception_ptr failure) noexcept {
      if (!computed_) return;
      const std::shared_ptr<Computed> computed = std::move(computed_);
      cache_->abandon(*computed);
      computed->end(std::move(failure));
    }
    // Of somebody else's computation, as CacheComputation::wait_for.
    bool wait_for(double seconds) { return computed_->wait_for(seconds); }
    // After its end; throws what it threw.
    Value result() const {
      computed_->check();
      return *computed_->value;
    }

   private:
    friend Cache;
    Claim(Cache& cache, Value found) : cache_(&cache), found_(std::move(found)) {}
    Claim(Cache& cache, std::shared_ptr<Computed> computed, bool is_ours)
        : cache_(&cache), computed_(std::move(computed)), is_ours_(is_ours) {}

    Cache* cache_;
    std::optional<Value> found_;
    std::shared_ptr<Computed> computed_;
    bool is_ours_ = false;
  };

  // Counts a miss for who has to compute, and a hit for all others.
  template <typename Lookup>
  Claim claim(const Lookup& key) {
    const uint32_t tag = tag_of(key);
    Retired retired;
    const double now = this->now();
    Shard& shard = shard_of(tag);
    const std::lock_guard lock(shard.mutex);
    if (const Value* value = shard.use(*this, key, tag, now, retired)) return Claim(*this, *value);
    for (const auto& computed : shard.computed) {
      if (computed->tag != tag || !computed->is_kept || !equal_(key, computed->key)) continue;
      ++shard.statistics.hits;
      return Claim(*this, computed, false);
    }
    auto computed = std::make_shared<Computed>(Key(key), tag);
    shard.computed.push_back(computed);
    ++shard.statistics.misses;
    return Claim(*this, std::move(computed), true);
  }

 private:
  static constexpr double kLong = 3600;

  struct Item {
    Key key;
    Value value;
  };

  // Items that are destroyed once the lock is given up: declared before it.
  struct Retired {
    void add(Item&& item) {
      if (!one)
        one.emplace(std::move(item));
      else
        more.push_back(std::move(item));
    }
    std::optional<Item> one;  // there is seldom more
    std::vector<Item> more;
    std::optional<Value> value;
  };

  struct alignas(64) Shard {
    explicit Shard(CacheIndex made) : index(std::move(made)) {}

    template <typename Lookup>
    uint32_t find(const Cache& cache, const Lookup& key, uint32_t tag) const {
      return index.find(tag, [&](uint32_t entry) { return cache.equal_(key, items[entry]->key); });
    }
    template <typename Lookup>
    uint32_t find_live(const Cache& cache, const Lookup& key, uint32_t tag, double now, Retired& retired) {
      const uint32_t found = find(cache, key, tag);
      if (found == CacheIndex::kNone || !index.has_expired(found, now)) return found;
      retire(found, retired);
      ++statistics.expirations;
      return CacheIndex::kNone;
    }
    // The value of a key, where there is one: a hit, and a use.
    template <typename Lookup>
    Value* use(const Cache& cache, const Lookup& key, uint32_t tag, double now, Retired& retired) {
      const uint32_t found = find_live(cache, key, tag, now, retired);
      if (found == CacheIndex::kNone) return nullptr;
      ++statistics.hits;
      index.touch(found);
      return &items[found]->value;
    }
    template <typename Lookup>
    void put(const Cache& cache, Lookup&& key, uint32_t tag, Value&& value, size_t size_bytes, double now,
             Retired& retired) {
      const uint32_t found = find(cache, key, tag);
      if (found == CacheIndex::kNone) {
        if (index.can_hold(size_bytes)) add(std::forward<Lookup>(key), tag, std::move(value), size_bytes, now, retired);
      } else if (!index.can_hold(size_bytes)) {
        retire(found, retired);
      } else {
        index.renew(found, size_bytes, now);
        index.touch(found);
        retired.value.emplace(std::exchange(items[found]->value, std::move(value)));
        make_room(0, 0, retired);
      }
    }
    template <typename Lookup>
    uint32_t add(Lookup&& key, uint32_t tag, Value&& value, size_t size_bytes, double now, Retired& retired) {
      Item item{Key(std::forward<Lookup>(key)), std::move(value)};
      drop_expired(now, retired);
      make_room(1, size_bytes, retired);
      if (items.capacity() <= index.n_entries()) items.reserve(index.room_beyond(items.capacity()));
      const uint32_t entry = index.add(tag, size_bytes, now);
      if (entry >= items.size()) items.resize(entry + size_t{1});
      items[entry].emplace(std::move(item));
      return entry;
    }
    void make_room(size_t n_entries, size_t size_bytes, Retired& retired) {
      for (uint32_t entry; (entry = index.next_to_go(n_entries, size_bytes)) != CacheIndex::kNone;) {
        retire(entry, retired);
        ++statistics.evictions;
      }
    }
    void drop_expired(double now, Retired& retired) {
      for (uint32_t entry; (entry = index.next_expired(now)) != CacheIndex::kNone;) {
        retire(entry, retired);
        ++statistics.expirations;
      }
    }
    void retire(uint32_t entry, Retired& retired) {
      retired.add(*std::move(items[entry]));
      items[entry].reset();
      index.remove(entry);
    }
    template <typename Visit>
    void for_each(double now, Visit&& visit) const {
      for (size_t entry = 0; entry < items.size(); ++entry)
        if (items[entry] && !index.has_expired(static_cast<uint32_t>(entry), now))
          visit(items[entry]->key, items[entry]->value);
    }
    // What is being computed for the key is not kept: there is something newer.
    template <typename Lookup>
    void disown(const Cache& cache, const Lookup& key, uint32_t tag) {
      for (const auto& each : computed)
        if (each->tag == tag && cache.equal_(key, each->key)) each->is_kept = false;
    }

    mutable std::mutex mutex;
    CacheIndex index;
    std::vector<std::optional<Item>> items;           // by the numbers of the index
    std::vector<std::shared_ptr<Computed>> computed;  // as many as there are threads, at most
    CacheStatistics statistics;                       // what is counted; the index knows the rest
  };

  template <typename Lookup>
  uint32_t tag_of(const Lookup& key) const {
    return CacheIndex::tag_of(hash_(key));
  }
  // By other bits than those by which an index finds its places.
  Shard& shard_of(uint32_t tag) const {
    return *shards_[shards_.size() == 1 ? 0 : (tag * uint64_t{0x9E3779B1U} & 0xFFFFFFFFU) * shards_.size() >> 32];
  }
  double now() const {
    if (!has_ttl_) return 0;
    if (seconds_) return seconds_();
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
  template <typename Drop>
  void drop_if(Drop&& drop) {
    for (const auto& shard : shards_) {
      Retired retired;
      const std::lock_guard lock(shard->mutex);
      drop(*shard, retired);
    }
  }
  void finish(Computed& computed, size_t size_bytes) {
    Retired retired;
    const double now = this->now();
    Shard& shard = shard_of(computed.tag);
    const std::lock_guard lock(shard.mutex);
    if (computed.is_kept)
      shard.put(*this, computed.key, computed.tag, Value(*computed.value), size_bytes, now, retired);
    forget(shard, computed);
  }
  void abandon(Computed& computed) noexcept {
    Shard& shard = shard_of(computed.tag);
    const std::lock_guard lock(shard.mutex);
    forget(shard, computed);
  }
  static void forget(Shard& shard, const Computed& computed) {
    std::erase_if(shard.computed, [&](const auto& each) { return each.get() == &computed; });
  }

  const std::function<double()> seconds_;
  const bool has_ttl_;
  const Hash hash_;
  const Equal equal_;
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace tidemill
