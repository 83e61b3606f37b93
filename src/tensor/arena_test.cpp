#include "tensor/arena.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "tidemill/error.h"

namespace tidemill {
namespace {

template <typename Action>
void expect_error(ErrorCode code, Action action) {
  try {
    action();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
  }
}

// A step like a model's: something that stays, and per layer temporaries of changing size that are given back.
void allocate_step(Arena& arena) {
  arena.allocate(DType::f32, {3, 100});
  for (int64_t layer = 0; layer < 5; ++layer) {
    const int64_t mark = arena.mark();
    arena.allocate(DType::f32, {3, 7 + layer * 31});
    arena.allocate(DType::i8, {layer * 17});
    arena.allocate(DType::q8_0, {2, 32 * (5 - layer)});
    arena.rewind(mark);
  }
  arena.allocate(DType::f32, {1});
}

TEST(Arena, PlannerMeasuresThePeakThatARealArenaNeeds) {
  Arena planner = Arena::planner();
  allocate_step(planner);
  Arena exact(planner.peak_bytes());
  allocate_step(exact);
  EXPECT_EQ(exact.peak_bytes(), planner.peak_bytes());
  EXPECT_EQ(exact.used_bytes(), planner.used_bytes());
  Arena smaller(planner.peak_bytes() - 1);
  expect_error(ErrorCode::out_of_memory, [&] { allocate_step(smaller); });
}

TEST(Arena, PlannerTakesNoMemory) {
  const int64_t before = Storage::total_bytes();
  Arena planner = Arena::planner();
  const Tensor first = planner.allocate(DType::f32, {int64_t{1} << 40});
  const Tensor second = planner.allocate(DType::f32, {4});
  EXPECT_EQ(Storage::total_bytes(), before);
  EXPECT_TRUE(planner.is_planner());
  EXPECT_FALSE(first.empty());
  EXPECT_NE(first.data(), second.data());
  EXPECT_EQ(planner.used_bytes(), (int64_t{4} << 40) + 64);
}

TEST(Arena, HandsOutAlignedMemoryThatDoesNotOverlap) {
  Arena arena(4096);
  EXPECT_EQ(arena.capacity_bytes(), 4096);
  std::byte* end_of_last = nullptr;
  for (const int64_t n : {1, 63, 64, 65, 0, 100}) {
    const Tensor tensor = arena.allocate(DType::u8, {n});
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data()) % Arena::kAlignment, 0u);
    EXPECT_GE(tensor.as<std::byte>(), end_of_last);
    std::memset(tensor.data(), 1, static_cast<size_t>(n));
    end_of_last = tensor.as<std::byte>() + n;
  }
}

TEST(Arena, RewindGivesMemoryBack) {
  Arena arena(256);
  const Tensor first = arena.allocate(DType::f32, {16});
  const int64_t mark = arena.mark();
  const Tensor second = arena.allocate(DType::f32, {48});
  expect_error(ErrorCode::out_of_memory, [&] { arena.allocate(DType::u8, {1}); });
  arena.rewind(mark);
  EXPECT_EQ(arena.allocate(DType::f32, {16}).data(), second.data());
  EXPECT_EQ(arena.used_bytes(), 128);
  EXPECT_EQ(arena.peak_bytes(), 256);
  arena.rewind(0);
  EXPECT_EQ(arena.allocate(DType::f32, {16}).data(), first.data());
}

TEST(Arena, RefusesSizesThatOverflow) {
  for (const bool plan : {true, false}) {
    Arena arena = plan ? Arena::planner() : Arena(64);
    expect_error(ErrorCode::out_of_memory,
                 [&] { arena.allocate(DType::u8, {std::numeric_limits<int64_t>::max() - 1}); });
    arena.allocate(DType::u8, {64});
    expect_error(ErrorCode::out_of_memory,
                 [&] { arena.allocate(DType::u8, {std::numeric_limits<int64_t>::max() - 100}); });
    EXPECT_EQ(arena.used_bytes(), 64);
  }
}

}  // namespace
}  // namespace tidemill
