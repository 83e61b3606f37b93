// Halved panels give what panels give, bit for bit, and a search of scores loses none that is in reach.
#include "backends/cpu/scores.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "backends/cpu/halved_gemv.h"
#include "backends/cpu/random_weights.h"
#include "tensor/unpack_row.h"

namespace tidemill {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Rows of Q8_0 in both layouts.
struct HeadMatrix {
  HeadMatrix(ThreadPool& pool, std::vector<std::byte> bytes, int64_t n_rows, int64_t n_cols)
      : content(std::move(bytes)),
        memory(panel_bytes(DType::q8_0, n_rows, n_cols)),
        halved_memory(memory.size_bytes()) {
    const Tensor rows(content.data(), DType::q8_0, {n_rows, n_cols});
    panels = pack_panels(pool, rows, memory.data());
    halved = rows.with_panels(halved_memory.data(), Layout::halved_panels);
    // In two parts, as a large matrix is read.
    const int64_t first = panel_count(n_rows) / 2 * kPanelRows;
    pack_part(pool, rows.slice(0, 0, first), 0, halved);
    pack_part(pool, rows.slice(0, first, n_rows), first / kPanelRows, halved);
  }

  std::vector<std::byte> content;
  Storage memory, halved_memory;
  Tensor panels, halved;
};

struct Values {
  explicit Values(int64_t n_rows, int64_t n_cols, float value = 0)
      : numbers(static_cast<size_t>(n_rows * n_cols), value), tensor(numbers.data(), DType::f32, {n_rows, n_cols}) {}
  std::vector<float> numbers;
  Tensor tensor;
};

void fill(Values& values, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  for (float& value : values.numbers) value = normal(random) * (random() % 50 == 0 ? 15.0f : 1.0f);
}

std::vector<float> product(MatmulContext& context, const Tensor& x, const Tensor& weight) {
  Values out(x.dim(0), weight.dim(0));
  matmul(context, {&x, 1}, {&weight, 1}, {&out.tensor, 1});
  return out.numbers;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

class ScoresTest : public testing::Test {
 protected:
  ThreadPool pool_{2};
};

TEST_F(ScoresTest, HalvedPanelsHoldTheSameNumbers) {
  for (const auto& [n_rows, n_cols] : {std::pair<int64_t, int64_t>{1, 32}, {40, 288}, {100, 640}, {17, 1024}}) {
    const HeadMatrix head(pool_, random_rows(DType::q8_0, n_rows, n_cols, 3), n_rows, n_cols);
    std::vector<float> expected(static_cast<size_t>(n_cols)), found(expected.size());
    for (int64_t row = 0; row < n_rows; ++row) {
      unpack_row(head.panels, row, expected.data());
      unpack_row(head.halved, row, found.data());
      ASSERT_TRUE(same_bits(found, expected)) << "row " << row;
    }
    // Any part of the bytes can be made alone.
    const Tensor rows(const_cast<std::byte*>(head.content.data()), DType::q8_0, {n_rows, n_cols});
    const int64_t n_bytes = head.memory.size_bytes(), middle = n_bytes / 3 / 64 * 64;
    std::vector<std::byte> bytes(static_cast<size_t>(n_bytes));
    pack_halved_bytes(rows, 0, middle, bytes.data());
    pack_halved_bytes(rows, middle, n_bytes, bytes.data() + middle);
    EXPECT_EQ(std::memcmp(bytes.data(), head.halved.data(), bytes.size()), 0);
  }
}

TEST_F(ScoresTest, ProductsOfHalvedPanelsHaveTheBitsOfPanels) {
  for (const auto& [n_rows, n_cols] : {std::pair<int64_t, int64_t>{5, 32}, {40, 288}, {300, 640}, {33, 1792}}) {
    const HeadMatrix head(pool_, random_rows(DType::q8_0, n_rows, n_cols, 5), n_rows, n_cols);
    for (const Precision precision : {Precision::fast, Precision::int8, Precision::f32}) {
      MatmulContext context(pool_, precision);
      for (const int64_t n_x : {1, 2, 7, 40}) {
        Values x(n_x, n_cols);
        fill(x, static_cast<uint32_t>(n_x));
        ASSERT_TRUE(same_bits(product(context, x.tensor, head.halved), product(context, x.tensor, head.panels)))
            << n_x << " rows of " << n_cols;
      }
    }
  }
}

// Matrices that are hard for bounds: bytes of Q8_0 for [n_rows, n_cols].
struct MatrixCase {
  const char* name;
  std::function<void(std::vector<std::byte>& bytes, int64_t row_bytes, std::mt19937& random)> change;
};

void copy_row(std::vector<std::byte>& bytes, int64_t row_bytes, size_t from, size_t to) {
  const auto size = static_cast<size_t>(row_bytes);
  std::memcpy(bytes.data() + to * size, bytes.data() + from * size, size);
}

void set_scale(std::vector<std::byte>& bytes, size_t at, F16Bits scale) {
  std::memcpy(bytes.data() + at, &scale, sizeof scale);
}

const MatrixCase kMatrices[] = {
    {"random", [](auto&, int64_t, auto&) {}},
    {"equal rows",
     [](auto& bytes, int64_t row_bytes, auto&) {
       for (size_t row = 1; row * row_bytes < bytes.size(); ++row) copy_row(bytes, row_bytes, 0, row);
     }},
    {"ties of far rows",
     [](auto& bytes, int64_t row_bytes, auto& random) {
       const size_t n_rows = bytes.size() / row_bytes;
       for (size_t row = 0; row < n_rows; ++row) copy_row(bytes, row_bytes, random() % 20, row);
     }},
    {"rows that differ in one low bit",
     [](auto& bytes, int64_t row_bytes, auto& random) {
       for (size_t row = 1; row * row_bytes < bytes.size(); ++row) {
         copy_row(bytes, row_bytes, 0, row);
         bytes[row * row_bytes + 2 + random() % 30] ^= std::byte{1};
       }
     }},
    {"scales that are not numbers",
     [](auto& bytes, int64_t row_bytes, auto& random) {
       const F16Bits kBad[] = {0x7e00, 0x7c00, 0xfc00, 0x0001, 0x8001, 0x7bff, 0};
       for (int i = 0; i < 12; ++i) set_scale(bytes, random() % (bytes.size() / row_bytes) * row_bytes, kBad[i % 7]);
     }},
    {"zeros", [](auto& bytes, int64_t, auto&) { std::fill(bytes.begin(), bytes.end(), std::byte{0}); }},
    {"the ends of all codes",
     [](auto& bytes, int64_t, auto& random) {
       const std::byte kEnds[] = {std::byte{0x80}, std::byte{0x7f}, std::byte{0xf0}, std::byte{0x0f}};
       for (size_t block = 0; block < bytes.size(); block += 34)
         for (size_t i = 2; i < 34; ++i) bytes[block + i] = kEnds[random() % 4];
     }},
};

struct RowCase {
  const char* name;
  std::function<void(std::vector<float>& x)> change;
};

const RowCase kRows[] = {
    {"random", [](auto&) {}},
    {"zeros", [](auto& x) { std::fill(x.begin(), x.end(), 0.0f); }},
    {"one element", [](auto& x) { std::fill(x.begin() + 1, x.end(), 0.0f); }},
    {"tiny",
     [](auto& x) {
       for (float& value : x) value *= 0x1p-70f;
     }},
    {"huge",
     [](auto& x) {
       for (float& value : x) value *= 0x1p90f;
     }},
    {"a NaN", [](auto& x) { x[5] = kNaN; }},
    {"an infinity", [](auto& x) { x[7] = -kInfinity; }},
};

const ScoreReach kReaches[] = {{0, 1}, {0, 0}, {0.01f, 0}, {2, 40}, {kInfinity, 1}, {kInfinity, 40}, {kInfinity, 500}};

// Every score in reach is there; what is not given is -infinity.
void expect_reach(const std::vector<float>& found, const std::vector<float>& all, const ScoreReach& reach) {
  const float least = least_in_reach(all, reach);
  for (size_t i = 0; i < all.size(); ++i) {
    if (std::memcmp(&found[i], &all[i], sizeof(float)) == 0) continue;
    ASSERT_EQ(found[i], -kInfinity) << "row " << i;
    ASSERT_LT(all[i], least) << "row " << i;
  }
}

void expect_none_is_lost(ThreadPool& pool, Precision precision) {
  constexpr int64_t n_rows = 1500, n_cols = 288;
  ThreadPool one(1);
  MatmulContext alone(one, precision), together(pool, precision);
  std::mt19937 random(1);
  for (const MatrixCase& matrix : kMatrices) {
    std::vector<std::byte> bytes = random_rows(DType::q8_0, n_rows, n_cols, random());
    matrix.change(bytes, n_cols / 32 * 34, random);
    const HeadMatrix head(pool, bytes, n_rows, n_cols);
    for (const RowCase& row : kRows) {
      Values x(1, n_cols);
      fill(x, random());
      row.change(x.numbers);
      const std::vector<float> all = product(alone, x.tensor, head.panels);
      for (const ScoreReach& reach : kReaches) {
        SCOPED_TRACE(std::string(matrix.name) + ", " + row.name + ", top " + std::to_string(reach.top_k) + ", " +
                     std::to_string(reach.below_best));
        for (MatmulContext* context : {&alone, &together}) {
          Values out(1, n_rows, 7);
          find_scores(*context, {x.tensor, head.halved, reach, out.tensor});
          ASSERT_NO_FATAL_FAILURE(expect_reach(out.numbers, all, reach));
        }
      }
    }
  }
}

TEST_F(ScoresTest, NoneInReachIsLost) {
  expect_none_is_lost(pool_, Precision::fast);
}

TEST_F(ScoresTest, NorWithActivationsInBytes) {
  expect_none_is_lost(pool_, Precision::int8);
}

// Else the search would be exact and useless.
TEST_F(ScoresTest, MostPanelsAreNotReadWhole) {
  constexpr int64_t n_rows = 8000, n_cols = 640;
  ThreadPool one(1);  // how much is found out depends on the order
  MatmulContext context(one, Precision::fast);
  const HeadMatrix head(pool_, random_rows(DType::q8_0, n_rows, n_cols, 9), n_rows, n_cols);
  // A row of the matrix itself, which is far ahead of the others.
  Values x(1, n_cols), out(1, n_rows);
  unpack_row(head.panels, 100, x.numbers.data());
  find_scores(context, {x.tensor, head.halved, {0, 1}, out.tensor});
  const auto n_given =
      std::count_if(out.numbers.begin(), out.numbers.end(), [](float score) { return score > -kInfinity; });
  EXPECT_LT(n_given, n_rows / 4);
  EXPECT_EQ(std::max_element(out.numbers.begin(), out.numbers.end()) - out.numbers.begin(), 100);
}

TEST_F(ScoresTest, OtherLayoutsGiveAllScores) {
  const RandomWeight weight(pool_, DType::q4_0, 50, 64, 4);
  MatmulContext context(pool_, Precision::fast);
  Values x(1, 64), out(1, 50);
  fill(x, 2);
  find_scores(context, {x.tensor, weight.panels, {0, 1}, out.tensor});
  EXPECT_TRUE(same_bits(out.numbers, product(context, x.tensor, weight.panels)));
}

}  // namespace
}  // namespace tidemill
