#include "tidemill/tensor.h"

#include <gtest/gtest.h>

#include <limits>
#include <numeric>
#include <string>
#include <vector>

namespace tidemill {
namespace {

constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();

// Runs `action`, which must throw invalid_argument with `part` in its message.
template <typename Action>
void expect_invalid(Action action, const std::string& part) {
  try {
    action();
    ADD_FAILURE() << "nothing was thrown; expected: " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

// The elements of an f32 tensor in row-major order, read through its strides.
std::vector<float> elements(const Tensor& tensor) {
  std::vector<float> result;
  std::vector<int64_t> index(tensor.shape().rank(), 0);
  for (int64_t n = 0; n < tensor.n_elements(); ++n) {
    const auto* at = static_cast<const std::byte*>(tensor.data());
    for (size_t axis = 0; axis < index.size(); ++axis) at += index[axis] * tensor.stride_bytes(static_cast<int>(axis));
    result.push_back(*reinterpret_cast<const float*>(at));
    for (int axis = tensor.shape().rank() - 1; axis >= 0; --axis) {
      if (++index[axis] < tensor.dim(axis)) break;
      index[axis] = 0;
    }
  }
  return result;
}

std::vector<float> counting(int64_t n) {
  std::vector<float> numbers(n);
  std::iota(numbers.begin(), numbers.end(), 0.0f);
  return numbers;
}

TEST(Shape, KnowsItsElements) {
  EXPECT_EQ(Shape().n_elements(), 1);
  EXPECT_EQ(Shape().last(), 1);
  EXPECT_EQ(Shape().to_string(), "[]");
  const Shape shape{4096, 512};
  EXPECT_EQ(shape.rank(), 2);
  EXPECT_EQ(shape.last(), 512);
  EXPECT_EQ(shape.n_elements(), 4096 * 512);
  EXPECT_EQ(shape.to_string(), "[4096, 512]");
  EXPECT_EQ(Shape({3, 0, 5}).n_elements(), 0);
}

TEST(Shape, ComparesDimensionsAndRank) {
  EXPECT_EQ(Shape({2, 3}), Shape({2, 3}));
  EXPECT_NE(Shape({2, 3}), Shape({3, 2}));
  EXPECT_NE(Shape({2, 1}), Shape({2}));
  EXPECT_NE(Shape({0}), Shape());
}

TEST(Shape, RefusesWhatCannotBeCounted) {
  expect_invalid([] { Shape({1, 2, 3, 4, 5, 6}); }, "6 dimensions");
  expect_invalid([] { Shape({4, -1}); }, "[4, -1]");
  expect_invalid([] { Shape({int64_t{1} << 32, int64_t{1} << 31}); }, "2^63");
  expect_invalid([] { Shape({kHuge, 2}); }, "2^63");
  expect_invalid([] { Shape({0, kHuge, kHuge}); }, "2^63");  // empty, but its strides would overflow
  EXPECT_EQ(Shape({kHuge}).n_elements(), kHuge);
}

TEST(SizeBytes, CountsBlocks) {
  EXPECT_EQ(size_bytes(DType::f32, {3, 5}), 60);
  EXPECT_EQ(size_bytes(DType::f32, {}), 4);
  EXPECT_EQ(size_bytes(DType::i4, {3, 6}), 9);
  EXPECT_EQ(size_bytes(DType::q4_k, {2, 512}), 2 * 2 * 144);
  EXPECT_EQ(size_bytes(DType::q8_0, {0, 32}), 0);
  EXPECT_EQ(size_bytes(DType::q8_0, {7, 0}), 0);
}

TEST(SizeBytes, RefusesSplitBlocksAndOverflow) {
  expect_invalid([] { size_bytes(DType::q4_k, {256, 128}); }, "multiple of 256");
  expect_invalid([] { size_bytes(DType::i4, {3}); }, "multiple of 2");
  expect_invalid([] { size_bytes(DType::q8_0, {}); }, "multiple of 32");
  expect_invalid([] { size_bytes(DType::f64, {int64_t{1} << 60}); }, "2^63 bytes");
  expect_invalid([] { size_bytes(DType::f32, {int64_t{1} << 31, int64_t{1} << 31}); }, "2^63 bytes");
  expect_invalid([] { size_bytes(DType::q8_0, {(int64_t{1} << 58) - 1, 32}); }, "2^63 bytes");
  EXPECT_EQ(size_bytes(DType::i8, {kHuge}), kHuge);
}

TEST(Tensor, IsEmptyUntilItHasMemory) {
  EXPECT_TRUE(Tensor().empty());
  float one = 1;
  const Tensor scalar(&one, DType::f32, {});
  EXPECT_FALSE(scalar.empty());
  EXPECT_EQ(scalar.size_bytes(), 4);
  EXPECT_TRUE(scalar.is_contiguous());
}

TEST(Tensor, FindsRows) {
  auto numbers = counting(6);
  const Tensor tensor(numbers.data(), DType::f32, {2, 3});
  EXPECT_EQ(tensor.row<float>(1)[2], 5.0f);
  EXPECT_EQ(tensor.as<float>(), numbers.data());
  EXPECT_EQ(tensor.stride_bytes(0), 12);
  EXPECT_EQ(tensor.stride_bytes(1), 4);
}

TEST(Tensor, ReshapeSeesTheSameElements) {
  auto numbers = counting(24);
  const Tensor tensor(numbers.data(), DType::f32, {2, 3, 4});
  const Tensor view = tensor.reshape({6, 4});
  EXPECT_EQ(view.data(), numbers.data());
  EXPECT_EQ(elements(view), numbers);
  expect_invalid([&] { tensor.reshape({5, 5}); }, "[5, 5]");
  expect_invalid([&] { tensor.transpose(0, 1).reshape({24}); }, "not contiguous");
}

TEST(Tensor, ReshapeKeepsBlocksWhole) {
  std::vector<std::byte> blocks(4 * 34);
  const Tensor tensor(blocks.data(), DType::q8_0, {4, 32});
  EXPECT_EQ(tensor.reshape({2, 64}).stride_bytes(0), 68);
  expect_invalid([&] { tensor.reshape({8, 16}); }, "multiple of 32");
}

TEST(Tensor, SliceSelectsAlongEachAxis) {
  auto numbers = counting(24);
  const Tensor tensor(numbers.data(), DType::f32, {2, 3, 4});
  EXPECT_EQ(elements(tensor.slice(0, 1, 2)), std::vector<float>(numbers.begin() + 12, numbers.end()));
  EXPECT_EQ(elements(tensor.slice(1, 1, 2)), (std::vector<float>{4, 5, 6, 7, 16, 17, 18, 19}));
  EXPECT_EQ(elements(tensor.slice(2, 3, 4)), (std::vector<float>{3, 7, 11, 15, 19, 23}));
  EXPECT_EQ(elements(tensor.slice(2, 1, 4).slice(1, 2, 3)), (std::vector<float>{9, 10, 11, 21, 22, 23}));
  EXPECT_EQ(tensor.slice(1, 3, 3).n_elements(), 0);
  EXPECT_TRUE(tensor.slice(0, 1, 2).is_contiguous());
  EXPECT_TRUE(tensor.slice(0, 1, 2).slice(1, 1, 3).is_contiguous());  // an axis of one element is no obstacle
  EXPECT_FALSE(tensor.slice(1, 1, 2).is_contiguous());
}

TEST(Tensor, SliceRefusesWhatIsOutOfRange) {
  auto numbers = counting(6);
  const Tensor tensor(numbers.data(), DType::f32, {2, 3});
  expect_invalid([&] { tensor.slice(1, 1, 4); }, "out of range");
  expect_invalid([&] { tensor.slice(1, -1, 2); }, "out of range");
  expect_invalid([&] { tensor.slice(1, 2, 1); }, "out of range");
  expect_invalid([&] { tensor.slice(2, 0, 1); }, "no axis 2");
  expect_invalid([&] { tensor.slice(-1, 0, 1); }, "no axis -1");
  expect_invalid([] { Tensor().slice(0, 0, 1); }, "no axis 0");
}

TEST(Tensor, SliceCutsBlockFormatsBetweenBlocks) {
  std::vector<std::byte> blocks(3 * 2 * 144);
  const Tensor tensor(blocks.data(), DType::q4_k, {3, 512});
  const Tensor right = tensor.slice(1, 256, 512);
  EXPECT_EQ(right.data(), blocks.data() + 144);
  EXPECT_EQ(right.stride_bytes(0), 2 * 144);
  EXPECT_EQ(right.row<std::byte>(2), blocks.data() + 5 * 144);
  EXPECT_EQ(tensor.slice(0, 1, 3).data(), blocks.data() + 2 * 144);
  expect_invalid([&] { tensor.slice(1, 0, 128); }, "split a block");
  std::vector<std::byte> pairs(6);
  const Tensor nibbles(pairs.data(), DType::i4, {2, 6});
  EXPECT_EQ(nibbles.slice(1, 2, 6).data(), pairs.data() + 1);
  expect_invalid([&] { nibbles.slice(1, 1, 6); }, "split a block");
}

TEST(Tensor, TransposeExchangesAxes) {
  auto numbers = counting(6);
  const Tensor tensor(numbers.data(), DType::f32, {2, 3});
  const Tensor turned = tensor.transpose(0, 1);
  EXPECT_EQ(turned.shape(), Shape({3, 2}));
  EXPECT_EQ(elements(turned), (std::vector<float>{0, 3, 1, 4, 2, 5}));
  EXPECT_FALSE(turned.is_contiguous());
  EXPECT_TRUE(turned.transpose(1, 0).is_contiguous());
  EXPECT_EQ(elements(turned.slice(0, 1, 3).slice(1, 1, 2)), (std::vector<float>{4, 5}));
  expect_invalid([&] { tensor.transpose(0, 2); }, "no axis 2");
}

TEST(Tensor, TransposeKeepsTheLastAxisOfBlockFormats) {
  std::vector<std::byte> blocks(6 * 34);
  const Tensor tensor(blocks.data(), DType::q8_0, {2, 3, 32});
  EXPECT_EQ(tensor.transpose(0, 1).stride_bytes(0), 34);
  EXPECT_EQ(tensor.transpose(2, 2).shape(), tensor.shape());
  expect_invalid([&] { tensor.transpose(1, 2); }, "blocks of 32");
}

TEST(Tensor, EmptyTensorsAreContiguous) {
  const Tensor tensor(nullptr, DType::f32, {0, 7});
  EXPECT_EQ(tensor.size_bytes(), 0);
  EXPECT_EQ(tensor.stride_bytes(0), 28);
  EXPECT_TRUE(tensor.reshape({7, 0}).is_contiguous());
}

TEST(Tensor, AnOrderOfColumnsStaysWithRows) {
  float numbers[12] = {};
  const int32_t order[4] = {2, 0, 3, 1};
  const Tensor tensor = Tensor(numbers, DType::f32, {3, 4}).with_column_order(order);
  EXPECT_EQ(tensor.slice(0, 1, 3).column_order(), order);
  EXPECT_EQ(tensor.with_panels(numbers).column_order(), order);
  EXPECT_THROW(tensor.slice(1, 0, 2), Error);
  EXPECT_THROW(tensor.transpose(0, 1), Error);
  EXPECT_THROW(tensor.reshape({4, 3}), Error);
}

TEST(Tensor, PanelsAreOpaque) {
  auto numbers = counting(6);
  std::vector<std::byte> panels(64);
  const Tensor weight = Tensor(numbers.data(), DType::f32, {2, 3}).with_panels(panels.data());
  EXPECT_EQ(weight.layout(), Layout::panels);
  EXPECT_EQ(weight.shape(), Shape({2, 3}));
  EXPECT_EQ(weight.data(), panels.data());
  EXPECT_FALSE(weight.is_contiguous());
  expect_invalid([&] { weight.reshape({6}); }, "layout");
  expect_invalid([&] { weight.slice(0, 0, 1); }, "layout");
  expect_invalid([&] { weight.transpose(0, 1); }, "layout");
}

TEST(ExpectShape, NamesBothShapes) {
  expect_shape("wq", {2, 3}, {2, 3});
  expect_invalid([] { expect_shape("wq", {2, 3}, {3, 2}); }, "wq: the shape is [2, 3], expected [3, 2]");
}

}  // namespace
}  // namespace tidemill
