#include "compress/delta/plan.h"

#include <gtest/gtest.h>

#include <string>

#include "compress/delta/model_files.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

PlanPart part_of(const std::string& dtype, std::vector<uint64_t> shape, uint64_t n_bytes) {
  PlanPart part;
  part.dtype = dtype;
  part.shape = std::move(shape);
  part.n_bytes = n_bytes;
  return part;
}

TEST(BlockCuts, CoverPartsWithoutGapsByWholeRowsOfNearlyEqualNumber) {
  for (const auto& [dtype, rows, columns, n_bytes] : {std::tuple("bf16", 384u, 384u, 384u * 384 * 2),
                                                      {"bf16", 1536u, 384u, 1536u * 384 * 2},
                                                      {"q4_k", 700u, 512u, 700u * 288},
                                                      {"f32", 3u, 100000u, 1200000u},
                                                      {"u8", 1u, 5u, 5u},
                                                      {"f64", 0u, 8u, 0u},
                                                      {"f32", 30522u, 384u, 30522u * 384 * 4}}) {
    const BlockCuts cuts(part_of(dtype, {rows, columns}, n_bytes));
    EXPECT_EQ(cuts.begin(0), 0u);
    EXPECT_EQ(cuts.begin(cuts.n_blocks()), n_bytes);
    const uint64_t row = rows == 0 ? 1 : n_bytes / rows;
    for (uint64_t block = 0; block < cuts.n_blocks(); ++block) {
      const uint64_t begin = cuts.begin(block), end = cuts.begin(block + 1);
      ASSERT_LT(begin, end);
      ASSERT_LE(end - begin, kDeltaBlockBytes * 3 / 2 + row);
      if (row <= 65536) {
        ASSERT_EQ(begin % row, 0u);
      }
      ASSERT_EQ(cuts.block_at(begin), block);
      ASSERT_EQ(cuts.block_at(end - 1), block);
    }
  }
}

TEST(BlockCuts, AreThoseOfTheExampleInTheFormat) {
  const PlanPart part = part_of("bf16", {1536, 384}, 1536 * 768);  // 1,179,648 bytes: 4.5 blocks, so 5
  const BlockCuts cuts(part);
  ASSERT_EQ(cuts.n_blocks(), 5u);
  EXPECT_EQ(cuts.begin(1), 308u * 768);  // 1536 rows are 308 and four times 307
  EXPECT_EQ(cuts.begin(2), 615u * 768);
  EXPECT_EQ(cuts.first_element(1), 308 * 384);
}

TEST(BlockCuts, OfBytesThatAreNotWholeElementsEndWithThem) {
  const BlockCuts cuts(part_of("f32", {}, 3));
  EXPECT_EQ(cuts.n_blocks(), 1u);
  EXPECT_EQ(cuts.begin(1), 3u);
  EXPECT_EQ(cuts.block_at(2), 0u);
}

TEST(Plan, ComesBackFromItsText) {
  DeltaPlan plan;
  plan.is_folder = true;
  plan.base.push_back({.name = "base.gguf", .n_bytes = 1000, .hash = hash_window({})});
  PlanPart head = part_of("u8", {}, 100), tensor = part_of("bf16", {10, 20}, 400), zeros = part_of("u8", {}, 12);
  head.code = PartCode::packed;
  head.base = BaseRange{0, 5, 50};
  tensor.tensor = "blk.0.\"w\"\n";
  tensor.from = "old";
  tensor.base = BaseRange{0, 600, 400};
  zeros.code = PartCode::zeros;
  plan.files.push_back({.name = "sub/a", .n_bytes = 512, .hash = hash_window({}), .parts = {head, tensor, zeros}});
  plan.files.push_back({.name = "empty", .n_bytes = 0, .hash = hash_window({}), .parts = {}});
  const std::string text = write_plan(plan);
  const DeltaPlan again = read_plan(text, "x");
  EXPECT_EQ(write_plan(again), text);
  EXPECT_EQ(again.files[0].parts[1].begin, 100u);
  EXPECT_EQ(again.files[0].parts[1].first_code, 1u);
  EXPECT_EQ(again.n_codes(), 2u);
}

TEST(Plan, RefusesNamesThatLeaveTheirFolder) {
  for (const char* const good : {"a", "a/b.json", "...", "a..b", "1_Pooling/config.json", "ü"})
    EXPECT_TRUE(is_safe_name(good)) << good;
  for (const char* const bad :
       {"", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/./b", "a\\b", "c:a", "a\x01", "a\x7f"})
    EXPECT_FALSE(is_safe_name(bad)) << bad;
}

}  // namespace
}  // namespace tidemill
