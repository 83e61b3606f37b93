#include "runtime/state.h"

#include <gtest/gtest.h>

#include <vector>

#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr int64_t kWidth = 2;

// States with a layer of attention, and perhaps a recurrent one.
struct Family {
  explicit Family(bool is_hybrid) : shape(spec(is_hybrid)), pool(shape.page_bytes(DType::f32)) {}
  static StateSpec spec(bool is_hybrid) {
    StateSpec spec{.layers = {{.kv_width = kWidth}}};
    if (is_hybrid) spec.layers.push_back({.slot_size = 5});
    return spec;
  }
  State state(int64_t capacity = 1000) { return State(shape, pool, capacity, DType::f32); }

  StateSpec shape;
  PagePool pool;
};

// Appends `n` positions, whose numbers are `first`, `first` + 1, ...
void append(State& state, int64_t n, float first) {
  state.make_room(n);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t pos = state.n_past() + i;
    for (const PagedRows& rows : {state.layers()[0].keys, state.layers()[0].values})
      std::fill_n(rows.row<float>(pos), kWidth, first + static_cast<float>(i));
  }
  if (state.is_recurrent()) std::fill_n(state.layers()[1].slot.as<float>(), 5, first + static_cast<float>(n));
  state.advance(n);
}

std::vector<float> values_of(const State& state) {
  std::vector<float> result;
  for (int64_t pos = 0; pos < state.n_past(); ++pos)
    for (const PagedRows& rows : {state.layers()[0].keys, state.layers()[0].values})
      result.insert(result.end(), rows.row<float>(pos), rows.row<float>(pos) + kWidth);
  return result;
}

TEST(State, TakesPagesForThePositionsThatItHas) {
  Family family(false);
  State state = family.state();
  EXPECT_EQ(family.pool.n_used(), 0);
  append(state, 1, 0);
  EXPECT_EQ(family.pool.n_used(), 1);
  append(state, kPageRows - 1, 1);
  EXPECT_EQ(family.pool.n_used(), 1);
  append(state, kPageRows + 1, 128);
  EXPECT_EQ(family.pool.n_used(), 3);
  const std::vector<float> values = values_of(state);
  for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], static_cast<float>(i / (2 * kWidth)));
  state.truncate(kPageRows);
  EXPECT_EQ(family.pool.n_used(), 1);
  state.clear();
  EXPECT_EQ(family.pool.n_used(), 0);
}

TEST(State, AttentionGoesBackToAnyPositionARecurrentLayerToNone) {
  Family attention(false), hybrid(true);
  State forgetting = attention.state(), recurrent = hybrid.state();
  append(forgetting, 7, 0);
  append(recurrent, 7, 0);
  EXPECT_EQ(forgetting.truncate(4), 4);
  EXPECT_EQ(recurrent.truncate(7), 7);
  EXPECT_EQ(recurrent.truncate(4), 0);
  EXPECT_EQ(recurrent.n_past(), 0);
}

TEST(State, StatesThatShareABeginningGoOnApart) {
  for (const bool is_hybrid : {false, true}) {
    Family family(is_hybrid);
    State first = family.state(), second = family.state();
    append(first, 2 * kPageRows + 5, 0);
    const std::vector<float> before = values_of(first);
    second.share(first, first.n_past());
    EXPECT_EQ(family.pool.n_used(), 3) << "nothing is copied before it is written to";
    EXPECT_EQ(values_of(second), before);
    append(second, 3, 1000);
    EXPECT_EQ(family.pool.n_used(), 4) << "only the last page is copied";
    EXPECT_EQ(values_of(first), before);
    append(first, 3, 2000);
    EXPECT_EQ(family.pool.n_used(), 4) << "nobody shares the first state's last page any more";
    EXPECT_EQ(values_of(second)[before.size()], 1000);
    EXPECT_EQ(values_of(first)[before.size()], 2000);
    if (is_hybrid) {
      EXPECT_EQ(second.layers()[1].slot.as<float>()[4], 1003);
    }
  }
}

TEST(State, ACopyMayEndEarlierAndIsWrittenToWithoutHarm) {
  Family family(false);
  State first = family.state(), second = family.state();
  append(first, 2 * kPageRows, 0);
  const std::vector<float> before = values_of(first);
  second.share(first, kPageRows + 3);
  append(second, 1, 1000);
  EXPECT_EQ(values_of(first), before);
  EXPECT_EQ(second.n_past(), kPageRows + 4);
  first.truncate(3);
  append(first, 1, 2000);  // in a page that both hold
  EXPECT_EQ(values_of(second)[2 * kWidth * 3], 3);
}

TEST(State, WhatDoesNotFitIsRefused) {
  Family family(false);
  State first = family.state(), small = family.state(4);
  append(first, kPageRows, 0);
  EXPECT_THROW(small.share(first, 5), Error);
  EXPECT_EQ(small.n_past(), 0);
  small.share(first, 4);
  EXPECT_EQ(small.n_past(), 4);
}

}  // namespace
}  // namespace tidemill
