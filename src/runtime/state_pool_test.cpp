#include "runtime/state_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <vector>

#include "tidemill/system.h"

namespace tidemill {
namespace {

StateSpec two_layers() {
  return {.layers = {{.kv_width = 8, .slot_size = 3}, {.kv_width = 16}}};
}

// Every number of a state of 10 positions, as spans.
std::vector<std::span<float>> numbers_of(const State& state) {
  std::vector<std::span<float>> result;
  for (const LayerState& layer : state.layers()) {
    for (const PagedRows& rows : {layer.keys, layer.values})
      for (int64_t pos = 0; pos < 10; ++pos)
        result.emplace_back(rows.row<float>(pos), static_cast<size_t>(rows.width()));
    if (!layer.slot.empty()) result.emplace_back(layer.slot.as<float>(), static_cast<size_t>(layer.slot.n_elements()));
  }
  return result;
}

TEST(StatePool, StatesHaveTheSpecsShapes) {
  StatePool pool(two_layers(), 10, DType::f32, 2);
  const auto state = pool.acquire();
  ASSERT_EQ(state->layers().size(), 2u);
  EXPECT_EQ(state->layers()[1].keys.shape(), (Shape{10, 16}));
  EXPECT_EQ(state->layers()[1].values.shape(), (Shape{10, 16}));
  EXPECT_EQ(state->layers()[0].slot.shape(), (Shape{3}));
  EXPECT_TRUE(state->layers()[1].slot.empty());
  EXPECT_EQ(pool.bytes_per_state(1), kPageRows * (8 + 16) * 2 * 4 + 3 * 4);
}

TEST(StatePool, TensorsDoNotOverlap) {
  StatePool pool(two_layers(), 10, DType::f32, 1);
  const auto state = pool.acquire();
  state->make_room(10);
  float mark = 1;
  for (const std::span<float> numbers : numbers_of(*state)) std::ranges::fill(numbers, mark++);
  mark = 1;
  for (const std::span<float> numbers : numbers_of(*state)) {
    for (const float number : numbers) ASSERT_EQ(number, mark);
    ++mark;
  }
}

TEST(StatePool, LendsAtMostItsNumberAndTakesBack) {
  StatePool pool(two_layers(), 10, DType::f16, 2);
  auto first = pool.acquire();
  auto second = pool.acquire();
  EXPECT_EQ(pool.n_lent(), 2);
  EXPECT_THROW(pool.acquire(), Error);
  first->make_room(5);
  first->advance(5);
  const void* const memory = first->pages()[0][PageKind::whole].data();
  first.reset();
  const auto third = pool.acquire();
  EXPECT_EQ(third->n_past(), 0);
  third->make_room(1);
  EXPECT_EQ(third->pages()[0][PageKind::whole].data(), memory) << "a page that came back is used again";
}

TEST(StatePool, ALongContextCostsNothingUntilItIsUsed) {
  const int64_t before = peak_rss_bytes();
  StatePool pool({.layers = {{.kv_width = 1024}}}, 1 << 20, DType::f16, 1);  // 4 GB
  const auto state = pool.acquire();
  EXPECT_LT(peak_rss_bytes() - before, 16 << 20);
}

}  // namespace
}  // namespace tidemill
