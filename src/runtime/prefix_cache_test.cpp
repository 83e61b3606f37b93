#include "runtime/prefix_cache.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace tidemill {
namespace {

constexpr int64_t kUnlimited = int64_t{1} << 30;

const StateSpec kAttention{.layers = {{.kv_width = 1}}};
const StateSpec kRecurrent{.layers = {{.slot_size = 1}}};
const StateSpec kHybrid{.layers = {{.kv_width = 1}, {.slot_size = 1}}};
const StateSpec kWindows{.layers = {{.kv_width = 1}, {.kv_width = 1, .window = 100}}};
const StateSpec kHybridOfWindows{.layers = {{.kv_width = 1, .window = 100}, {.slot_size = 1}}};

// What a state of such a model holds says which ids it has seen: each position its id, the slot a hash of all.
float hash_of(std::span<const int32_t> ids) {
  uint32_t hash = 1;
  for (const int32_t id : ids) hash = hash * 31 + static_cast<uint32_t>(id);
  return static_cast<float>(hash % 1'000'003);
}

void append(Sequence& sequence, std::span<const int32_t> ids) {
  State& state = *sequence.state;
  state.make_room(std::ssize(ids));
  for (const LayerState& layer : state.layers()) {
    for (size_t i = 0; i < ids.size() && !layer.keys.empty(); ++i)
      *layer.keys.row<float>(state.n_past() + static_cast<int64_t>(i)) = static_cast<float>(ids[i]);
  }
  sequence.ids.insert(sequence.ids.end(), ids.begin(), ids.end());
  for (const LayerState& layer : state.layers())
    if (!layer.slot.empty()) *layer.slot.as<float>() = hash_of(sequence.ids);
  state.advance(std::ssize(ids));
}

void expect_whole(const Sequence& sequence) {
  const State& state = *sequence.state;
  ASSERT_EQ(state.n_past(), std::ssize(sequence.ids));
  ASSERT_LE(state.first_recent(), std::max<int64_t>(0, state.n_past() - state.reach()));
  for (const LayerState& layer : state.layers()) {
    const int64_t first = layer.kind == PageKind::recent ? state.first_recent() : 0;
    for (auto i = static_cast<size_t>(first); i < sequence.ids.size() && !layer.keys.empty(); ++i)
      ASSERT_EQ(*layer.keys.row<float>(static_cast<int64_t>(i)), static_cast<float>(sequence.ids[i])) << i;
    if (layer.slot.empty() || sequence.ids.empty()) continue;
    ASSERT_EQ(*layer.slot.as<float>(), hash_of(sequence.ids));
  }
}

std::vector<int32_t> counting(int64_t n, int32_t first = 0) {
  std::vector<int32_t> ids(static_cast<size_t>(n));
  std::iota(ids.begin(), ids.end(), first);
  return ids;
}

class PrefixCacheTest : public testing::TestWithParam<StateSpec> {
 protected:
  // Reads `prompt` as a scheduler does and keeps it; how many of its ids were there already.
  int64_t read(std::span<const int32_t> prompt, const std::string& owner = "a") { return read(cache_, prompt, owner); }
  int64_t read(PrefixCache& cache, std::span<const int32_t> prompt, const std::string& owner = "a") {
    PrefixCache::Found found = cache.take(prompt, owner);
    expect_whole(found.sequence);
    const int64_t n_found = std::ssize(found.sequence.ids);
    EXPECT_LT(n_found, std::ssize(prompt));
    EXPECT_LE(n_found, found.n_known);
    EXPECT_TRUE(std::equal(found.sequence.ids.begin(), found.sequence.ids.end(), prompt.begin()));
    if (pool_.is_recurrent() && found.n_known > n_found) {
      append(found.sequence,
             prompt.subspan(static_cast<size_t>(n_found), static_cast<size_t>(found.n_known - n_found)));
      cache.add(found.sequence, owner, true);
    }
    while (std::ssize(found.sequence.ids) < std::ssize(prompt)) {
      const auto rest = prompt.subspan(found.sequence.ids.size());
      append(found.sequence, rest.first(std::min<size_t>(rest.size(), 90)));
    }
    cache.add(found.sequence, owner, true);
    return n_found;
  }

  StatePool pool_{GetParam(), 1000, DType::f32, 4};
  PrefixCache cache_{pool_, kUnlimited};
};

constexpr const char* kNames[] = {"attention", "recurrent", "hybrid", "windows", "hybrid_of_windows"};
INSTANTIATE_TEST_SUITE_P(States, PrefixCacheTest,
                         testing::Values(kAttention, kRecurrent, kHybrid, kWindows, kHybridOfWindows),
                         [](const auto& parameter) { return kNames[parameter.index]; });

TEST_P(PrefixCacheTest, FindsTheLongestBeginning) {
  std::vector<int32_t> prompt = counting(300);
  EXPECT_EQ(read(prompt), 0);
  EXPECT_EQ(read(prompt, "b"), 0) << "one client's texts tell another nothing";
  prompt.push_back(5);
  EXPECT_EQ(read(prompt), 300);
  EXPECT_EQ(read(prompt), 300) << "the last one's scores are needed";
  prompt[250] = -1;
  EXPECT_EQ(read(prompt), pool_.is_recurrent() ? 0 : 250);
  prompt[250] = -2;
  EXPECT_EQ(read(prompt), 250);
  prompt.resize(100);
  EXPECT_EQ(read(prompt), pool_.is_recurrent() ? 0 : 99);
}

TEST_P(PrefixCacheTest, TextsOfRandomBeginningsAreNeverMixedUp) {
  std::mt19937 generator(7);
  std::vector<std::vector<int32_t>> texts{counting(400)};
  int64_t n_found = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<int32_t> text = texts[generator() % texts.size()];
    text.resize(1 + generator() % text.size());
    const size_t n = 1 + generator() % 150;
    while (text.size() < 600 && n > text.size() % 151) text.push_back(static_cast<int32_t>(generator() % 3));
    n_found += read(text);
    texts.push_back(std::move(text));
  }
  EXPECT_GT(n_found, 5000);
}

// Of texts whose first pages were forgotten, layers with a window keep the last ones only: prompts that part there find
// less than is known.
TEST_P(PrefixCacheTest, WhatIsNoLongerThereIsNotFound) {
  std::mt19937 generator(11);
  read(counting(500));
  PrefixCache small(pool_, cache_.n_bytes() / 2);
  std::vector<std::vector<int32_t>> texts;
  for (int32_t first = 0; first < 4; ++first) texts.push_back(counting(700, 1000 * first));
  for (int round = 0; round < 100; ++round) {
    const std::vector<int32_t>& text = texts[generator() % texts.size()];
    read(small, std::span(text).first(2 + generator() % (text.size() - 1)));
    EXPECT_LE(small.n_bytes(), cache_.n_bytes() / 2);
  }
}

TEST_P(PrefixCacheTest, WhatWasUsedLeastLatelyGoesFirst) {
  const std::vector<int32_t> first = counting(129, 1000), second = counting(129, 2000), third = counting(129, 3000);
  read(first);
  PrefixCache small(pool_, 2 * cache_.n_bytes());
  const auto keep = [&](std::span<const int32_t> ids) {
    Sequence sequence{.state = pool_.acquire(), .ids = {}};
    append(sequence, ids);
    small.add(sequence, "a", true);
  };
  const auto n_kept = [&](std::vector<int32_t> ids) {
    ids.push_back(0);
    return std::ssize(small.take(ids, "a").sequence.ids);
  };
  keep(first);
  keep(second);
  EXPECT_EQ(n_kept(first), 129);
  keep(third);
  EXPECT_LE(small.n_bytes(), 2 * cache_.n_bytes());
  EXPECT_EQ(n_kept(first), 129);
  EXPECT_EQ(n_kept(third), 129);
  EXPECT_LT(n_kept(second), 129);
}

TEST(PrefixCache, NothingIsKeptWhereNothingMayBe) {
  StatePool pool(kAttention, 1000, DType::f32, 4);
  PrefixCache cache(pool, 0);
  const std::vector<int32_t> ids = counting(300);
  Sequence sequence{.state = pool.acquire(), .ids = {}};
  append(sequence, ids);
  cache.add(sequence, "a", true);
  EXPECT_EQ(cache.n_bytes(), 0);
  EXPECT_TRUE(cache.take(ids, "a").sequence.ids.empty());
}

TEST(PrefixCache, PagesOfCommonBeginningsAreKeptOnce) {
  StatePool pool(kAttention, 1000, DType::f32, 4);
  PrefixCache cache(pool, kUnlimited);
  for (const int32_t last : {1, 2, 3}) {
    std::vector<int32_t> ids = counting(2 * kPageRows);
    ids.push_back(last);
    Sequence sequence = cache.take(ids, "a").sequence;
    append(sequence, std::span(ids).subspan(sequence.ids.size()));
    cache.add(sequence, "a", true);
  }
  EXPECT_EQ(pool.pages()[PageKind::whole].n_used(), 2 + 3);
}

}  // namespace
}  // namespace tidemill
