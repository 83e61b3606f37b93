#include "runtime/state.h"

#include <gtest/gtest.h>

#include <vector>

#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr int64_t kWidth = 2;

// States with a layer of attention, and perhaps a recurrent one.
struct Family {
  explicit Family(bool is_hybrid) : Family(spec(is_hybrid)) {}
  explicit Family(const StateSpec& layers) : shape(layers), pools(shape, DType::f32) {}
  static StateSpec spec(bool is_hybrid) {
    StateSpec spec{.layers = {{.kv_width = kWidth}}};
    if (is_hybrid) spec.layers.push_back({.slot_size = 5});
    return spec;
  }
  State state(int64_t capacity = 2000) { return State(shape, pools, capacity, DType::f32); }
  int64_t n_used(PageKind kind = PageKind::whole) const { return pools[kind].n_used(); }

  StateSpec shape;
  PagePools pools;
};

// Appends `n` positions, whose numbers are `first`, `first` + 1, ...
void append(State& state, int64_t n, float first) {
  state.make_room(n);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t pos = state.n_past() + i;
    for (const LayerState& layer : state.layers())
      for (const PagedRows& rows : {layer.keys, layer.values})
        if (!rows.empty()) std::fill_n(rows.row<float>(pos), kWidth, first + static_cast<float>(i));
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
  EXPECT_EQ(family.n_used(), 0);
  append(state, 1, 0);
  EXPECT_EQ(family.n_used(), 1);
  append(state, kPageRows - 1, 1);
  EXPECT_EQ(family.n_used(), 1);
  append(state, kPageRows + 1, 128);
  EXPECT_EQ(family.n_used(), 3);
  const std::vector<float> values = values_of(state);
  for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], static_cast<float>(i / (2 * kWidth)));
  state.truncate(kPageRows);
  EXPECT_EQ(family.n_used(), 1);
  state.clear();
  EXPECT_EQ(family.n_used(), 0);
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

// A layer that sees all positions, and one that sees two pages of them.
StateSpec with_window() {
  return {.layers = {{.kv_width = kWidth}, {.kv_width = kWidth, .window = 2 * kPageRows}}};
}

// What a layer with a window has of the positions from `first` on.
std::vector<float> recent_of(const State& state, int64_t first) {
  std::vector<float> result;
  for (int64_t pos = first; pos < state.n_past(); ++pos) result.push_back(state.layers()[1].values.row<float>(pos)[1]);
  return result;
}

TEST(State, LayersWithAWindowGiveBackWhatNoQueryWillSee) {
  Family family(with_window());
  State state = family.state();
  append(state, 4 * kPageRows, 0);
  EXPECT_EQ(family.n_used(PageKind::recent), 4);
  for (int64_t pos = 4 * kPageRows; pos < 9 * kPageRows; ++pos) append(state, 1, static_cast<float>(pos));
  EXPECT_EQ(family.n_used(PageKind::whole), 9);
  EXPECT_EQ(family.n_used(PageKind::recent), 5) << "twice the window, of which the first page is left in part";
  EXPECT_EQ(state.first_recent(), 4 * kPageRows);
  const std::vector<float> recent = recent_of(state, 4 * kPageRows);
  for (size_t i = 0; i < recent.size(); ++i)
    ASSERT_EQ(recent[i], static_cast<float>(4 * kPageRows) + static_cast<float>(i));
  state.clear();
  EXPECT_EQ(family.n_used(PageKind::recent), 0);
}

TEST(State, LayersWithAWindowGoBackAsFarAsTheySeeThere) {
  Family family(with_window());
  State state = family.state();
  append(state, 9 * kPageRows, 0);
  append(state, 1, 0);  // which gives back five pages of the first nine
  ASSERT_EQ(state.first_recent(), 5 * kPageRows);
  State copy = family.state();
  copy.share(state, 8 * kPageRows);
  EXPECT_EQ(copy.first_recent(), 5 * kPageRows);
  EXPECT_EQ(copy.truncate(7 * kPageRows), 7 * kPageRows);
  EXPECT_EQ(recent_of(copy, 5 * kPageRows).back(), static_cast<float>(7 * kPageRows - 1));
  EXPECT_EQ(state.truncate(7 * kPageRows - 1), 0) << "a query there sees the fifth page";
  EXPECT_EQ(state.first_recent(), 0);
  append(state, 3, 0);
  EXPECT_EQ(recent_of(state, 0), (std::vector<float>{0, 1, 2}));
}

TEST(State, IsRestoredWithoutWhatIsNeverSeen) {
  Family family(with_window());
  State state = family.state();
  state.make_room(6 * kPageRows + 7, 2 * kPageRows);
  state.advance(6 * kPageRows + 7);
  EXPECT_EQ(family.n_used(PageKind::whole), 7);
  EXPECT_EQ(family.n_used(PageKind::recent), 5);
  EXPECT_EQ(state.truncate(4 * kPageRows), 4 * kPageRows);
  EXPECT_EQ(state.truncate(4 * kPageRows - 1), 0);
}

TEST(State, TakesNoMoreThanWasPlanned) {
  for (const StateSpec& spec :
       {with_window(), Family::spec(true), StateSpec{.layers = {{.kv_width = 1, .window = 3}}}}) {
    Family family(spec);
    State state = family.state();
    while (state.n_past() + 100 <= state.capacity()) {
      append(state, 100, 0);
      int64_t taken = spec.slot_bytes();
      for (const PageKind kind : kPageKinds) taken += family.n_used(kind) * family.pools[kind].page_bytes();
      ASSERT_LE(taken, spec.size_bytes(state.n_past(), DType::f32, 100));
    }
  }
}

TEST(State, StatesThatShareABeginningGoOnApart) {
  for (const bool is_hybrid : {false, true}) {
    Family family(is_hybrid);
    State first = family.state(), second = family.state();
    append(first, 2 * kPageRows + 5, 0);
    const std::vector<float> before = values_of(first);
    second.share(first, first.n_past());
    EXPECT_EQ(family.n_used(), 3) << "nothing is copied before it is written to";
    EXPECT_EQ(values_of(second), before);
    append(second, 3, 1000);
    EXPECT_EQ(family.n_used(), 4) << "only the last page is copied";
    EXPECT_EQ(values_of(first), before);
    append(first, 3, 2000);
    EXPECT_EQ(family.n_used(), 4) << "nobody shares the first state's last page any more";
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
