// Small known answers, worked out by hand.  Every block format is compared bit by bit with the `gguf` Python package
// in tests/formats/test_dequantize.py.
#include "tensor/dequantize.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "tensor/blocks.h"
#include "tensor/half.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr F16Bits kHalf = 0x3800;  // 0.5
constexpr F16Bits kOne = 0x3c00;
constexpr F16Bits kTwo = 0x4000;

std::vector<float> decoded(DType dtype, const void* source, size_t n) {
  std::vector<float> out(n);
  dequantize(dtype, source, out);
  return out;
}

template <typename Number>
std::vector<float> converted(DType dtype, std::initializer_list<Number> numbers, size_t n) {
  return decoded(dtype, std::data(numbers), n);
}

TEST(Dequantize, ConvertsPlainNumbers) {
  using Floats = std::vector<float>;
  EXPECT_EQ(converted<float>(DType::f32, {1.5f, -3.25f}, 2), (Floats{1.5f, -3.25f}));
  EXPECT_EQ(converted<uint16_t>(DType::f16, {0x3800, 0xc000}, 2), (Floats{0.5f, -2.0f}));
  EXPECT_EQ(converted<uint16_t>(DType::bf16, {0x3f00, 0xc000}, 2), (Floats{0.5f, -2.0f}));
  EXPECT_EQ(converted<double>(DType::f64, {0.1, -7.0}, 2), (Floats{0.1f, -7.0f}));
  EXPECT_EQ(converted<int64_t>(DType::i64, {int64_t{1} << 40, -1}, 2), (Floats{0x1p40f, -1.0f}));
  EXPECT_EQ(converted<int32_t>(DType::i32, {16777217, -5}, 2), (Floats{16777216.0f, -5.0f}));
  EXPECT_EQ(converted<int16_t>(DType::i16, {-32768, 7}, 2), (Floats{-32768.0f, 7.0f}));
  EXPECT_EQ(converted<int8_t>(DType::i8, {-128, 127}, 2), (Floats{-128.0f, 127.0f}));
  EXPECT_EQ(converted<uint8_t>(DType::u8, {0, 255}, 2), (Floats{0.0f, 255.0f}));
  EXPECT_EQ(converted<uint8_t>(DType::i4, {0x87, 0xf0}, 4), (Floats{7.0f, -8.0f, 0.0f, -1.0f}));
  EXPECT_EQ(converted<uint8_t>(DType::boolean, {0, 1, 2}, 3), (Floats{0.0f, 1.0f, 1.0f}));
}

TEST(Dequantize, ConvertsUnsignedNumbers) {
  using Floats = std::vector<float>;
  EXPECT_EQ(converted<uint64_t>(DType::u64, {~uint64_t{0}, 5}, 2), (Floats{0x1p64f, 5.0f}));
  EXPECT_EQ(converted<uint32_t>(DType::u32, {4000000000, 7}, 2), (Floats{4e9f, 7.0f}));
  EXPECT_EQ(converted<uint16_t>(DType::u16, {65535, 7}, 2), (Floats{65535.0f, 7.0f}));
}

TEST(Dequantize, GroupsTakeTheirZeroOffTheCode) {
  BlockQ4_G128 four{.scale = kHalf, .zero = 7, .quants = {}};
  four.quants[0] = 0xf2;       // elements 0 and 16
  four.quants[16 * 3] = 0x07;  // elements 96 and 112
  const std::vector<float> values = decoded(DType::q4_g128, &four, 128);
  EXPECT_EQ(values[0], -2.5f);
  EXPECT_EQ(values[16], 4.0f);
  EXPECT_EQ(values[96], 0.0f);
  EXPECT_EQ(values[112], -3.5f);
  BlockQ3_G128 three{.scale = kHalf, .zero = 5, .quants = {}};
  three.quants[12 * 3 + 4 + 1] = 0x80;  // the low bits of element 96 + 29
  three.quants[12 * 3 + 8 + 1] = 0x80;  // and its high one
  EXPECT_EQ(decoded(DType::q3_g128, &three, 128)[0], -2.5f);
  EXPECT_EQ(decoded(DType::q3_g128, &three, 128)[96 + 29], 0.5f);
  BlockQ2_G128 two{.scale = kHalf, .zero = 1, .quants = {}};
  two.quants[8 + 3] = 0x0c;  // element 32 + 7
  EXPECT_EQ(decoded(DType::q2_g128, &two, 128)[32 + 7], 1.0f);
  BlockQ8_G32 eight{.scale = kTwo, .zero = 200, .quants = {255, 0}};
  EXPECT_EQ(decoded(DType::q8_g32, &eight, 32)[0], 110.0f);
  EXPECT_EQ(decoded(DType::q8_g32, &eight, 32)[1], -400.0f);
}

// One, the smallest, the largest and a negative number of each kind; every code is compared in test_dequantize.py.
TEST(Dequantize, ConvertsSmallFloats) {
  using Floats = std::vector<float>;
  EXPECT_EQ(converted<uint8_t>(DType::f8_e4m3, {0x38, 0x01, 0x7e, 0xc8}, 4), (Floats{1, 0x1p-9f, 448, -4}));
  EXPECT_EQ(converted<uint8_t>(DType::f8_e5m2, {0x3c, 0x01, 0x7b, 0xc4}, 4), (Floats{1, 0x1p-16f, 57344, -4}));
  EXPECT_EQ(converted<uint8_t>(DType::f8_e4m3fnuz, {0x40, 0x01, 0x7f, 0xd0}, 4), (Floats{1, 0x1p-10f, 240, -4}));
  EXPECT_EQ(converted<uint8_t>(DType::f8_e5m2fnuz, {0x40, 0x01, 0x7f, 0xc8}, 4), (Floats{1, 0x1p-17f, 57344, -4}));
  EXPECT_EQ(converted<uint8_t>(DType::f8_e8m0, {127, 0, 254, 128}, 4), (Floats{1, 0x1p-127f, 0x1p127f, 2}));
  EXPECT_EQ(converted<uint8_t>(DType::f4, {0x12, 0xe7}, 4), (Floats{1, 0.5f, 6, -4}));
  for (const DType dtype : {DType::f8_e4m3, DType::f8_e5m2, DType::f8_e8m0}) {
    EXPECT_TRUE(std::isnan(converted<uint8_t>(dtype, {0xff}, 1)[0]));
  }
  EXPECT_TRUE(std::isnan(converted<uint8_t>(DType::f8_e4m3fnuz, {0x80}, 1)[0]));
  EXPECT_TRUE(std::isnan(converted<uint8_t>(DType::f8_e5m2fnuz, {0x80}, 1)[0]));
}

TEST(Dequantize, RefusesComplexNumbers) {
  try {
    converted<float>(DType::c64, {1.0f, 0.0f}, 1);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unsupported);
  }
}

TEST(Dequantize, BlocksOf32) {
  BlockQ4_0 q4_0{.scale = kHalf, .quants = {0xf0}};
  const auto a = decoded(DType::q4_0, &q4_0, 32);
  EXPECT_EQ(a[0], -4.0f);
  EXPECT_EQ(a[16], 3.5f);
  BlockQ5_1 q5_1{.scale = kTwo, .min = kOne, .high_bits = {1, 0, 0, 0x80}, .quants = {0x03}};
  const auto b = decoded(DType::q5_1, &q5_1, 32);
  EXPECT_EQ(b[0], 2.0f * 19 + 1);
  EXPECT_EQ(b[1], 1.0f);
  EXPECT_EQ(b[31], 2.0f * 16 + 1);
  BlockQ8_0 q8_0{.scale = kHalf, .quants = {-128, 127}};
  EXPECT_EQ(decoded(DType::q8_0, &q8_0, 32)[0], -64.0f);
  BlockIQ4_NL iq4_nl{.scale = kTwo, .quants = {0xf0}};
  EXPECT_EQ(decoded(DType::iq4_nl, &iq4_nl, 32)[16], 226.0f);
  BlockMXFP4 mxfp4{.exponent = 127, .quants = {0xf1}};
  EXPECT_EQ(decoded(DType::mxfp4, &mxfp4, 32)[0], 0.5f);
  EXPECT_EQ(decoded(DType::mxfp4, &mxfp4, 32)[16], -6.0f);
  EXPECT_EQ(mxfp4_scale(0), 0x1p-128f);
  EXPECT_EQ(mxfp4_scale(1), 0x1p-127f);
  EXPECT_EQ(mxfp4_scale(255), 0x1p127f);
}

TEST(Dequantize, PackedScalesOfSuperBlocks) {
  // Scale 4 = 0b10'0101, min 4 = 0b01'1010: high bits in the tops of bytes 0 and 4, low bits in byte 8.
  constexpr uint8_t q4_k[12] = {0x80 | 7, 0, 0, 0, 0x40 | 9, 0, 0, 0, 0xa5, 0, 0, 0};
  constexpr Q4KScales q4 = unpack_q4_k_scales(q4_k);
  static_assert(q4.scales[0] == 7 && q4.mins[0] == 9 && q4.scales[4] == 0x25 && q4.mins[4] == 0x1a);
  constexpr uint8_t q3_k[12] = {0xf0, 0, 0, 0, 0, 0, 0, 0, 0x30, 0, 0, 0};
  constexpr auto q3 = unpack_q3_k_scales(q3_k);
  static_assert(q3[0] == -32 && q3[8] == 15 + 48 - 32 && q3[4] == -32);
  constexpr BlockIQ4_XS iq4{.scale = 0, .scales_high = 0x8000, .scales_low = {0, 0, 0, 0x50}, .quants = {}};
  static_assert(iq4_xs_scale(iq4, 7) == 0x25 - 32 && iq4_xs_scale(iq4, 6) == -32);
}

TEST(Dequantize, SuperBlocks) {
  BlockQ6_K block{};
  block.scale = kHalf;
  block.scales[15] = -2;
  block.low_bits[127] = 0xf0;  // element 255
  block.high_bits[63] = 0xc0;
  EXPECT_EQ(decoded(DType::q6_k, &block, 256)[255], 0.5f * -2 * 31);
  EXPECT_EQ(decoded(DType::q6_k, &block, 256)[254], 0.5f * -2 * -32);
}

TEST(Dequantize, ReadsUnalignedBlocksOneAfterAnother) {
  const std::array<BlockQ4_1, 2> blocks = {
      {{.scale = kOne, .min = kTwo, .quants = {0x21}}, {.scale = kTwo, .min = kOne, .quants = {0x43}}}};
  std::array<std::byte, sizeof blocks + 1> shifted;
  std::memcpy(&shifted[1], &blocks, sizeof blocks);
  const auto out = decoded(DType::q4_1, &shifted[1], 64);
  EXPECT_EQ(out[0], 3.0f);
  EXPECT_EQ(out[16], 4.0f);
  EXPECT_EQ(out[32], 7.0f);
  EXPECT_EQ(out[48], 9.0f);
}

TEST(Dequantize, LayoutsAgreeWithTheTableOfElementTypes) {
  const auto expect_row = [](DType dtype, int length, size_t size) {
    EXPECT_EQ(info(dtype).block_length, length) << info(dtype).name;
    EXPECT_EQ(static_cast<size_t>(info(dtype).block_bytes), size) << info(dtype).name;
  };
  expect_row(DType::q4_0, BlockQ4_0::kLength, sizeof(BlockQ4_0));
  expect_row(DType::q4_1, BlockQ4_1::kLength, sizeof(BlockQ4_1));
  expect_row(DType::q5_0, BlockQ5_0::kLength, sizeof(BlockQ5_0));
  expect_row(DType::q5_1, BlockQ5_1::kLength, sizeof(BlockQ5_1));
  expect_row(DType::q8_0, BlockQ8_0::kLength, sizeof(BlockQ8_0));
  expect_row(DType::q2_k, BlockQ2_K::kLength, sizeof(BlockQ2_K));
  expect_row(DType::q3_k, BlockQ3_K::kLength, sizeof(BlockQ3_K));
  expect_row(DType::q4_k, BlockQ4_K::kLength, sizeof(BlockQ4_K));
  expect_row(DType::q5_k, BlockQ5_K::kLength, sizeof(BlockQ5_K));
  expect_row(DType::q6_k, BlockQ6_K::kLength, sizeof(BlockQ6_K));
  expect_row(DType::iq4_nl, BlockIQ4_NL::kLength, sizeof(BlockIQ4_NL));
  expect_row(DType::iq4_xs, BlockIQ4_XS::kLength, sizeof(BlockIQ4_XS));
  expect_row(DType::mxfp4, BlockMXFP4::kLength, sizeof(BlockMXFP4));
}

}  // namespace
}  // namespace tidemill
