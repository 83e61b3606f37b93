#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tidemill/dtype.h"

namespace tidemill {
namespace {

TEST(DType, EveryRowIsReachableByItsName) {
  std::set<std::string_view> names;
  for (int index = 0; index < kDTypeCount; ++index) {
    const auto dtype = static_cast<DType>(index);
    const DTypeInfo& row = info(dtype);
    EXPECT_EQ(row.dtype, dtype);
    EXPECT_EQ(dtype_from_name(row.name), dtype);
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
  }
}

TEST(DType, NamesAreFoundInAnyCase) {
  EXPECT_EQ(dtype_from_name("Q4_K"), DType::q4_k);
  EXPECT_EQ(dtype_from_name("bool"), DType::boolean);
  EXPECT_EQ(dtype_from_name("BF16"), DType::bf16);
  EXPECT_EQ(dtype_from_name("q4"), std::nullopt);
  EXPECT_EQ(dtype_from_name(""), std::nullopt);
}

TEST(DType, BitsPerElement) {
  EXPECT_EQ(bits_per_element(DType::f32), 32.0);
  EXPECT_EQ(bits_per_element(DType::i4), 4.0);
  EXPECT_EQ(bits_per_element(DType::f4), 4.0);
  EXPECT_EQ(bits_per_element(DType::f8_e4m3), 8.0);
  EXPECT_EQ(bits_per_element(DType::c64), 64.0);
  EXPECT_EQ(bits_per_element(DType::q4_0), 4.5);
  EXPECT_EQ(bits_per_element(DType::q4_k), 4.5);
  EXPECT_EQ(bits_per_element(DType::q5_k), 5.5);
  EXPECT_EQ(bits_per_element(DType::q6_k), 6.5625);
  EXPECT_EQ(bits_per_element(DType::q8_0), 8.5);
  EXPECT_EQ(bits_per_element(DType::iq4_xs), 4.25);
  EXPECT_EQ(bits_per_element(DType::mxfp4), 4.25);
  EXPECT_EQ(bits_per_element(DType::q4_g128), 4.25);
}

TEST(DType, OnlyBlockFormatsAreQuantized) {
  EXPECT_FALSE(info(DType::i4).is_quantized());
  EXPECT_FALSE(info(DType::boolean).is_quantized());
  EXPECT_FALSE(info(DType::f4).is_quantized());
  EXPECT_TRUE(info(DType::q4_0).is_quantized());
  EXPECT_TRUE(info(DType::bf16).is_float);
  EXPECT_FALSE(info(DType::q8_0).is_float);
}

}  // namespace
}  // namespace tidemill
