// The array functions beside plain loops over every number.
#include "tidemill/delta_arrays.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "tensor/half.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

template <typename Bits>
struct Number;
template <>
struct Number<uint16_t> {
  static constexpr DType kType = DType::f16;
  static double value(uint16_t bits) { return static_cast<double>(f16_to_f32(bits)); }
  static uint16_t bits(double value) { return f32_to_f16(static_cast<float>(value)); }
};
template <>
struct Number<uint32_t> {
  static constexpr DType kType = DType::f32;
  static double value(uint32_t bits) { return static_cast<double>(std::bit_cast<float>(bits)); }
  static uint32_t bits(double value) { return std::bit_cast<uint32_t>(static_cast<float>(value)); }
};
template <>
struct Number<uint64_t> {
  static constexpr DType kType = DType::f64;
  static double value(uint64_t bits) { return std::bit_cast<double>(bits); }
  static uint64_t bits(double value) { return std::bit_cast<uint64_t>(value); }
};

template <typename Bits>
std::span<const Bits> numbers_in(const MallocedBytes& bytes, int64_t n) {
  return {reinterpret_cast<const Bits*>(bytes.get()), static_cast<size_t>(n)};
}

template <typename Bits>
class DeltaArraysOf : public ::testing::Test {
 public:
  static std::vector<Bits> numbers(size_t n, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<double> normal(0, 1e-3);
    std::vector<Bits> bits(n);
    for (Bits& one : bits) one = Number<Bits>::bits(random() % 3 == 0 ? 0.0 : normal(random));
    return bits;
  }
};
using AllBits = ::testing::Types<uint16_t, uint32_t, uint64_t>;
TYPED_TEST_SUITE(DeltaArraysOf, AllBits);

const std::vector<size_t> kSizes = {0, 1, 2, 15, 16, 63, 64, 65, 1000, 4099, 1 << 20};

TYPED_TEST(DeltaArraysOf, SparseKeepsWhatAPlainLoopKeeps) {
  DeltaArrays arrays(2);
  for (const size_t n : kSizes) {
    for (const double threshold : {-1.0, 0.0, 1e-6, 1e-3, 3e-3, 100.0}) {
      const auto numbers = this->numbers(n, static_cast<unsigned>(n));
      const double least = Number<TypeParam>::value(Number<TypeParam>::bits(threshold));
      std::vector<uint32_t> indices;
      std::vector<TypeParam> values;
      for (size_t index = 0; index < n; ++index) {
        if (!(std::fabs(Number<TypeParam>::value(numbers[index])) >= least)) continue;
        indices.push_back(static_cast<uint32_t>(index));
        values.push_back(numbers[index]);
      }
      const auto sparse =
          arrays.compress_sparse(Number<TypeParam>::kType, numbers.data(), static_cast<int64_t>(n), threshold);
      ASSERT_EQ(sparse.n_kept, std::ssize(indices)) << n << " " << threshold;
      EXPECT_EQ(sparse.index_bytes, 4);
      EXPECT_TRUE(std::ranges::equal(indices, numbers_in<uint32_t>(sparse.indices, sparse.n_kept)));
      EXPECT_TRUE(std::ranges::equal(values, numbers_in<TypeParam>(sparse.values, sparse.n_kept)));
      const double k = std::max(1.0, 6.0 * static_cast<double>(indices.size()));
      EXPECT_DOUBLE_EQ(sparse.ratio, n == 0 ? 1 : std::max(1.0, 2.0 * static_cast<double>(n) / k));

      std::vector<TypeParam> expected(n);
      for (size_t k2 = 0; k2 < indices.size(); ++k2) expected[indices[k2]] = values[k2];
      std::vector<TypeParam> out(n, TypeParam(77));
      arrays.decompress_sparse(Number<TypeParam>::kType, sparse.indices.get(), 4, sparse.values.get(), sparse.n_kept,
                               out.data(), static_cast<int64_t>(n));
      EXPECT_EQ(out, expected);
    }
  }
}

TYPED_TEST(DeltaArraysOf, SparseKeepsNanAndInfinity) {
  DeltaArrays arrays(1);
  std::vector<TypeParam> numbers(100);
  numbers[3] = Number<TypeParam>::bits(std::nan(""));
  numbers[50] = Number<TypeParam>::bits(-INFINITY);
  numbers[99] = Number<TypeParam>::bits(-std::nan("")) | 1;
  for (const double threshold : {1e-6, static_cast<double>(INFINITY)}) {
    const auto sparse = arrays.compress_sparse(Number<TypeParam>::kType, numbers.data(), 100, threshold);
    ASSERT_EQ(sparse.n_kept, 3);
    const TypeParam expected[] = {numbers[3], numbers[50], numbers[99]};
    EXPECT_EQ(std::memcmp(sparse.values.get(), expected, sizeof(expected)), 0);
  }
  EXPECT_THROW(arrays.compress_sparse(Number<TypeParam>::kType, numbers.data(), 100, std::nan("")), Error);
}

TYPED_TEST(DeltaArraysOf, IndicesInAnyOrderAndOfEightBytes) {
  DeltaArrays arrays(2);
  constexpr size_t kSize = 1 << 20;
  std::mt19937 random(3);
  std::vector<uint64_t> indices(50000);
  std::vector<TypeParam> values(indices.size());
  std::vector<TypeParam> expected(kSize);
  for (size_t k = 0; k < indices.size(); ++k) {
    indices[k] = random() % kSize;
    expected[indices[k]] = values[k] = static_cast<TypeParam>(random() | 1);
  }
  std::vector<TypeParam> out(kSize, TypeParam(9));
  arrays.decompress_sparse(Number<TypeParam>::kType, indices.data(), 8, values.data(), std::ssize(indices), out.data(),
                           kSize);
  EXPECT_EQ(out, expected);
}

TYPED_TEST(DeltaArraysOf, AnIndexOutsideThrowsAndWritesNothingThere) {
  DeltaArrays arrays(2);
  const std::vector<TypeParam> values(4, TypeParam(5));
  for (const uint32_t bad : {10U, 11U, 0xFFFFFFFFU}) {
    for (const size_t place : {size_t{0}, size_t{1}, size_t{3}}) {
      std::vector<uint32_t> indices = {1, 2, 5, 9};
      indices[place] = bad;
      std::vector<TypeParam> out(12, TypeParam(7));
      EXPECT_THROW(
          arrays.decompress_sparse(Number<TypeParam>::kType, indices.data(), 4, values.data(), 4, out.data(), 10),
          Error);
      EXPECT_EQ(out[10], TypeParam(7));
      EXPECT_EQ(out[11], TypeParam(7));
    }
  }
}

TYPED_TEST(DeltaArraysOf, Int8IsWhatAPlainLoopGives) {
  DeltaArrays arrays(2);
  using Real = std::conditional_t<sizeof(TypeParam) == 8, double, float>;
  for (const size_t n : kSizes) {
    auto numbers = this->numbers(n, static_cast<unsigned>(n) + 1);
    if (n > 2) numbers[n / 2] = Number<TypeParam>::bits(-0.02);
    double largest = 0;
    for (const TypeParam bits : numbers) largest = std::max(largest, std::fabs(Number<TypeParam>::value(bits)));
    const double scale = largest / 127 < 1e-10 ? 1 : largest / 127;
    std::vector<int8_t> quantized(n);
    const auto result =
        arrays.compress_int8(Number<TypeParam>::kType, numbers.data(), static_cast<int64_t>(n), quantized.data());
    EXPECT_EQ(result.scale, scale);
    EXPECT_DOUBLE_EQ(result.ratio, 2.0 * static_cast<double>(n) / static_cast<double>(n + 4));
    std::vector<TypeParam> out(n);
    arrays.decompress_int8(Number<TypeParam>::kType, quantized.data(), static_cast<int64_t>(n), scale, out.data());
    for (size_t index = 0; index < n; ++index) {
      const auto quotient = static_cast<Real>(Number<TypeParam>::value(numbers[index])) / static_cast<Real>(scale);
      ASSERT_EQ(quantized[index], static_cast<int>(std::rint(quotient))) << index;
      const Real product = static_cast<Real>(quantized[index]) * static_cast<Real>(scale);
      ASSERT_EQ(out[index], Number<TypeParam>::bits(static_cast<double>(product))) << index;
    }
  }
}

TYPED_TEST(DeltaArraysOf, Int8RoundsTiesToEven) {
  DeltaArrays arrays(1);
  std::vector<TypeParam> numbers;
  for (int half = -254; half <= 254; ++half) numbers.push_back(Number<TypeParam>::bits(half / 2.0));
  std::vector<int8_t> quantized(numbers.size());
  EXPECT_EQ(arrays.compress_int8(Number<TypeParam>::kType, numbers.data(), std::ssize(numbers), quantized.data()).scale,
            1.0);
  for (int half = -254; half <= 254; ++half) {
    EXPECT_EQ(quantized[static_cast<size_t>(half + 254)], static_cast<int>(std::nearbyint(half / 2.0))) << half;
  }
}

TYPED_TEST(DeltaArraysOf, Int8RefusesWhatIsNotFinite) {
  DeltaArrays arrays(1);
  for (const double bad : {std::nan(""), static_cast<double>(INFINITY), -static_cast<double>(INFINITY)}) {
    std::vector<TypeParam> numbers(100);
    numbers[77] = Number<TypeParam>::bits(bad);
    std::vector<int8_t> quantized(100);
    EXPECT_THROW(arrays.compress_int8(Number<TypeParam>::kType, numbers.data(), 100, quantized.data()), Error);
  }
}

// 1 + 2^-11 is a tie between two float16; a little more is none, also where float32 does not tell the difference.
TEST(DeltaArrays, AThresholdIsRoundedOnce) {
  DeltaArrays arrays(1);
  const std::vector<uint16_t> numbers = {f32_to_f16(1), f32_to_f16(1 + 0x1p-10F)};
  EXPECT_EQ(arrays.compress_sparse(DType::f16, numbers.data(), 2, 1 + 0x1p-11).n_kept, 2);
  EXPECT_EQ(arrays.compress_sparse(DType::f16, numbers.data(), 2, 1 + 0x1p-11 + 0x1p-40).n_kept, 1);
  EXPECT_EQ(arrays.compress_sparse(DType::f16, numbers.data(), 2, 1e9).n_kept, 0);
}

TEST(DeltaArrays, RefusesOtherTypesAndSizes) {
  DeltaArrays arrays(1);
  EXPECT_THROW(arrays.compress_sparse(DType::bf16, nullptr, 0), Error);
  EXPECT_THROW(arrays.compress_sparse(DType::f32, nullptr, -1), Error);
  EXPECT_THROW(arrays.decompress_sparse(DType::f32, nullptr, 2, nullptr, 0, nullptr, 0), Error);
  EXPECT_THROW(DeltaArrays(-1), Error);
}

}  // namespace
}  // namespace tidemill
