#include "runtime/state_pool.h"

#include <gtest/gtest.h>

#include "tidemill/system.h"

namespace tidemill {
namespace {

StateSpec two_layers() {
  return {.layers = {{.kv_width = 8, .slot_size = 3}, {.kv_width = 16}}};
}

TEST(StatePool, StatesHaveTheSpecsShapes) {
  StatePool pool(two_layers(), 10, DType::f32, 2);
  const auto state = pool.acquire();
  ASSERT_EQ(state->layers.size(), 2u);
  EXPECT_EQ(state->layers[1].keys.shape(), (Shape{10, 16}));
  EXPECT_EQ(state->layers[1].values.shape(), (Shape{10, 16}));
  EXPECT_EQ(state->layers[0].slot.shape(), (Shape{3}));
  EXPECT_TRUE(state->layers[1].slot.empty());
  EXPECT_EQ(pool.bytes_per_state(), 10 * (8 + 16) * 2 * 4 + 3 * 4);
}

TEST(StatePool, TensorsDoNotOverlap) {
  StatePool pool(two_layers(), 10, DType::f32, 1);
  const auto state = pool.acquire();
  float mark = 1;
  for (const LayerState& layer : state->layers)
    for (const Tensor& tensor : {layer.keys, layer.values, layer.slot}) {
      if (tensor.empty()) continue;
      std::fill_n(tensor.as<float>(), tensor.n_elements(), mark);
      mark += 1;
    }
  mark = 1;
  for (const LayerState& layer : state->layers)
    for (const Tensor& tensor : {layer.keys, layer.values, layer.slot}) {
      if (tensor.empty()) continue;
      for (int64_t index = 0; index < tensor.n_elements(); ++index) ASSERT_EQ(tensor.as<float>()[index], mark);
      mark += 1;
    }
}

TEST(StatePool, LendsAtMostItsNumberAndTakesBack) {
  StatePool pool(two_layers(), 10, DType::f16, 2);
  auto first = pool.acquire();
  auto second = pool.acquire();
  EXPECT_EQ(pool.n_lent(), 2);
  EXPECT_THROW(pool.acquire(), Error);
  first->n_past = 5;
  void* const memory = first->layers[0].keys.data();
  first.reset();
  const auto third = pool.acquire();
  EXPECT_EQ(third->n_past, 0);
  EXPECT_EQ(third->layers[0].keys.data(), memory) << "a returned state is used again";
}

TEST(StatePool, ALongContextCostsNothingUntilItIsUsed) {
  const int64_t before = peak_rss_bytes();
  StatePool pool({.layers = {{.kv_width = 1024}}}, 1 << 20, DType::f16, 1);  // 4 GB
  const auto state = pool.acquire();
  EXPECT_LT(peak_rss_bytes() - before, 16 << 20);
}

}  // namespace
}  // namespace tidemill
