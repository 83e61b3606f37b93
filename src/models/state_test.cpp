#include "models/state.h"

#include <gtest/gtest.h>

#include <vector>

namespace tidemill {
namespace {

// A layer of attention, and perhaps a recurrent one; every number is `value`.
struct SmallState {
  SmallState(int64_t capacity, bool is_hybrid, float value)
      : keys(static_cast<size_t>(2 * capacity), value), values(keys), slot(5, value) {
    const auto view = [](std::vector<float>& numbers, const Shape& shape) {
      return Tensor(numbers.data(), DType::f32, shape);
    };
    state.capacity = capacity;
    state.layers.push_back({.keys = view(keys, {capacity, 2}), .values = view(values, {capacity, 2}), .slot = {}});
    if (is_hybrid) state.layers.push_back({.keys = {}, .values = {}, .slot = view(slot, {5})});
  }
  std::vector<float> keys, values, slot;
  State state;
};

TEST(StateTest, AttentionGoesBackToAnyPositionARecurrentLayerToNone) {
  SmallState attention(10, false, 0), hybrid(10, true, 0);
  attention.state.n_past = hybrid.state.n_past = 7;
  EXPECT_EQ(attention.state.truncate(4), 4);
  EXPECT_EQ(hybrid.state.truncate(7), 7);
  EXPECT_EQ(hybrid.state.truncate(4), 0);
  EXPECT_EQ(hybrid.state.n_past, 0);
}

TEST(StateTest, ACopyHoldsThePositionsAndTheSlots) {
  SmallState from(10, true, 2), to(4, true, 1);
  from.state.n_past = 3;
  to.state.copy_from(from.state, 3);
  EXPECT_EQ(to.state.n_past, 3);
  EXPECT_EQ(to.keys, (std::vector<float>{2, 2, 2, 2, 2, 2, 1, 1}));
  EXPECT_EQ(to.values, to.keys);
  EXPECT_EQ(to.slot, from.slot);
  from.state.n_past = 5;
  EXPECT_THROW(to.state.copy_from(from.state, 5), Error);
}

TEST(StateTest, ACopyMayEndEarlier) {
  SmallState from(10, false, 2), to(4, false, 1);
  from.state.n_past = 9;
  to.state.copy_from(from.state, 3);
  EXPECT_EQ(to.state.n_past, 3);
  EXPECT_EQ(to.keys, (std::vector<float>{2, 2, 2, 2, 2, 2, 1, 1}));
}

}  // namespace
}  // namespace tidemill
