#include "backends/cpu/pack.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "backends/cpu/random_weights.h"
#include "tensor/dequantize.h"
#include "tensor/panels.h"
#include "tensor/unpack_row.h"

namespace tidemill {
namespace {

class PackTest : public testing::TestWithParam<DType> {
 protected:
  ThreadPool pool_{2};
};

TEST_P(PackTest, RowsComeBackAsTheExactDequantisedValues) {
  const int block = info(GetParam()).block_length;
  for (const auto& [n_rows, n_blocks] :
       {std::pair{1, 1}, {16, 2}, {17, 3}, {40, 1}, {31, 10}, {3, 13}, {33, 67}, {16, 32}}) {
    const int64_t n_cols = int64_t{block} * n_blocks;
    const RandomWeight weight(pool_, GetParam(), n_rows, n_cols, 7);
    ASSERT_EQ(weight.panels.layout(), Layout::panels);
    std::vector<float> expected(static_cast<size_t>(n_cols)), found(expected.size());
    for (int64_t row = 0; row < n_rows; ++row) {
      dequantize(GetParam(), weight.rows.row<std::byte>(row), expected);
      unpack_row(weight.panels, row, found.data());
      ASSERT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)), 0)
          << "row " << row << " of [" << n_rows << ", " << n_cols << "]";
    }
  }
}

TEST_P(PackTest, PackingIsDeterministicOverStaleMemory) {
  const RandomWeight weight(pool_, GetParam(), 37, 512, 3);
  Storage again(weight.storage.size_bytes());
  std::memset(again.data(), 0xa5, static_cast<size_t>(again.size_bytes()));
  ThreadPool one(1);
  pack_panels(one, weight.rows, again.data());
  EXPECT_EQ(std::memcmp(again.data(), weight.storage.data(), static_cast<size_t>(again.size_bytes())), 0);
}

TEST_P(PackTest, PanelsTakeAtMostThreePercentMoreThanTheFile) {
  for (const int64_t n_cols : {256, 512, 768, 1024, 2048}) {
    const auto file = static_cast<double>(size_bytes(GetParam(), {256, n_cols}));
    EXPECT_LE(static_cast<double>(panel_bytes(GetParam(), 256, n_cols)), 1.03 * file) << n_cols << " columns";
  }
}

TEST_P(PackTest, RowsOfOddAddressesAreRead) {
  std::vector<std::byte> bytes = random_rows(GetParam(), 5, 256, 11);
  std::vector<std::byte> shifted(bytes.size() + 1);
  std::memcpy(shifted.data() + 1, bytes.data(), bytes.size());
  Storage first(panel_bytes(GetParam(), 5, 256)), second(first.size_bytes());
  pack_panels(pool_, Tensor(bytes.data(), GetParam(), {5, 256}), first.data());
  pack_panels(pool_, Tensor(shifted.data() + 1, GetParam(), {5, 256}), second.data());
  EXPECT_EQ(std::memcmp(first.data(), second.data(), static_cast<size_t>(first.size_bytes())), 0);
}

// Between panels of two-byte floats of an odd length there are bytes that mean nothing.
TEST(PackFloatPanelTest, WritesWhatIsBehindThePanelToo) {
  std::vector<std::byte> bytes = random_rows(DType::bf16, 16, 35, 5);
  Storage target(panel_stride(DType::bf16, 35));
  std::memset(target.data(), 0xa5, static_cast<size_t>(target.size_bytes()));
  pack_panels(Tensor(bytes.data(), DType::bf16, {16, 35}), 0, 1, target.data());
  for (int64_t at = 35 * 32; at < target.size_bytes(); ++at) EXPECT_EQ(target.data()[at], std::byte{0}) << at;
}

INSTANTIATE_TEST_SUITE_P(DTypes, PackTest, testing::ValuesIn(kPanelDTypes),
                         [](const auto& test) { return std::string(tidemill::info(test.param).name); });

TEST(PanelBytes, RefusesDTypesWithoutKernel) {
  EXPECT_THROW(panel_bytes(DType::i32, 16, 32), Error);
  EXPECT_THROW(panel_bytes(DType::f64, 16, 32), Error);
}

TEST(PanelBytes, RefusesPartialBlocksAndSizesThatOverflow) {
  EXPECT_THROW(panel_bytes(DType::q4_0, 16, 33), Error);
  EXPECT_THROW(panel_bytes(DType::q4_k, 16, 32), Error);
  EXPECT_THROW(panel_bytes(DType::f32, int64_t{1} << 61, 1 << 10), Error);
  EXPECT_THROW(panel_bytes(DType::f32, 1, int64_t{1} << 61), Error);
  EXPECT_EQ(panel_bytes(DType::q4_0, 0, 32), 0);
}

}  // namespace
}  // namespace tidemill
