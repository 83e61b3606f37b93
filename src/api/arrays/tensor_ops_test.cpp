// Every function against plain loops in float64, over types, strides and shapes.
#include "tidemill/tensor_ops.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <thread>
#include <vector>

#include "tensor/half.h"

namespace tidemill {
namespace {

// An array that owns its memory, contiguous unless it is a view of another.
struct Array {
  explicit Array(std::vector<int64_t> dims, DType type = DType::f32) : dtype(type), shape(std::move(dims)) {
    int64_t step = info(type).block_bytes;
    strides.resize(shape.size());
    for (size_t axis = shape.size(); axis-- > 0;) {
      strides[axis] = step;
      step *= shape[axis];
    }
    bytes = std::make_shared<std::vector<std::byte>>(static_cast<size_t>(std::max<int64_t>(step, 1)), std::byte{0xff});
    data = bytes->data();
  }
  static Array random(std::vector<int64_t> dims, uint32_t seed, DType type = DType::f32, double deviation = 1) {
    Array array(std::move(dims), type);
    std::mt19937 generator(seed);
    std::normal_distribution<double> normal(0, deviation);
    array.for_each([&](const std::vector<int64_t>& at) { array.set(at, normal(generator)); });
    return array;
  }

  operator ArrayView() const { return {data, dtype, shape, strides}; }  // NOLINT(google-explicit-constructor)

  std::byte* at(const std::vector<int64_t>& index) const {
    std::byte* place = data;
    for (size_t axis = 0; axis < index.size(); ++axis) place += index[axis] * strides[axis];
    return place;
  }
  double get(const std::vector<int64_t>& index) const {
    const std::byte* const place = at(index);
    if (dtype == DType::f64) return *reinterpret_cast<const double*>(place);
    if (dtype == DType::f16) return f16_to_f32(*reinterpret_cast<const uint16_t*>(place));
    if (dtype == DType::bf16) return bf16_to_f32(*reinterpret_cast<const uint16_t*>(place));
    return *reinterpret_cast<const float*>(place);
  }
  void set(const std::vector<int64_t>& index, double value) const {
    std::byte* const place = at(index);
    const auto number = static_cast<float>(value);
    if (dtype == DType::f64) *reinterpret_cast<double*>(place) = value;
    if (dtype == DType::f16) *reinterpret_cast<uint16_t*>(place) = f32_to_f16(number);
    if (dtype == DType::bf16) *reinterpret_cast<uint16_t*>(place) = f32_to_bf16(number);
    if (dtype == DType::f32) *reinterpret_cast<float*>(place) = number;
    if (dtype == DType::boolean) *reinterpret_cast<uint8_t*>(place) = value != 0;
  }
  template <typename Body>
  void for_each(const Body& body) const {
    std::vector<int64_t> index(shape.size(), 0);
    for (const int64_t dim : shape) {
      if (dim == 0) return;
    }
    while (true) {
      body(index);
      size_t axis = shape.size();
      while (axis > 0 && ++index[axis - 1] == shape[axis - 1]) index[--axis] = 0;
      if (axis == 0) return;
    }
  }
  Array transposed(size_t a, size_t b) const {
    Array view = *this;
    std::swap(view.shape[a], view.shape[b]);
    std::swap(view.strides[a], view.strides[b]);
    return view;
  }
  Array reversed(size_t axis) const {
    Array view = *this;
    view.data += (shape[axis] - 1) * strides[axis];
    view.strides[axis] = -strides[axis];
    return view;
  }
  // Every second element.
  Array thinned(size_t axis) const {
    Array view = *this;
    view.shape[axis] = (shape[axis] + 1) / 2;
    view.strides[axis] *= 2;
    return view;
  }

  DType dtype;
  std::vector<int64_t> shape, strides;
  std::shared_ptr<std::vector<std::byte>> bytes;
  std::byte* data;
};

constexpr DType kTypes[] = {DType::f32, DType::f16, DType::bf16, DType::f64};

// Half a step of the type for a number of about `size`, and what computing in f32 may lose.
double tolerance(DType dtype, double size, double computed) {
  const double step = dtype == DType::f16 ? 0x1p-11 : dtype == DType::bf16 ? 0x1p-8 : 0;
  return computed + step * std::fabs(size) + (dtype == DType::f16 ? 0x1p-25 : 0);
}

void expect_near(const Array& found, const std::vector<int64_t>& at, double expected, double computed) {
  ASSERT_NEAR(found.get(at), expected, tolerance(found.dtype, expected, computed))
      << info(found.dtype).name << " " << ::testing::PrintToString(at);
}

// The array itself and views with other strides, all of them of two axes.
std::vector<Array> views(uint32_t seed, DType dtype, int64_t n_rows, int64_t n_columns) {
  return {Array::random({n_rows, n_columns}, seed, dtype),
          Array::random({n_columns, n_rows}, seed, dtype).transposed(0, 1),
          Array::random({n_rows, n_columns}, seed, dtype).reversed(0),
          Array::random({n_rows, n_columns}, seed, dtype).reversed(1),
          Array::random({n_rows, 2 * n_columns}, seed, dtype).thinned(1),
          Array::random({2 * n_rows, n_columns}, seed, dtype).thinned(0)};
}

TEST(TensorOps, Activations) {
  TensorOps ops(2);
  for (const DType dtype : kTypes) {
    for (const Array& x : views(1, dtype, 37, 611)) {
      Array exact(x.shape, dtype), tanh(x.shape, dtype), silu(x.shape, dtype);
      ops.gelu(x, GeluForm::exact, exact);
      ops.gelu(x, GeluForm::tanh, tanh);
      ops.silu(x, silu);
      x.for_each([&](const std::vector<int64_t>& at) {
        const double value = x.get(at);
        const double inner = std::sqrt(2 / std::numbers::pi) * (value + 0.044715 * value * value * value);
        const double computed = 3e-7 * std::max(1.0, std::fabs(value));
        expect_near(exact, at, 0.5 * value * std::erfc(-value / std::numbers::sqrt2), computed);
        expect_near(tanh, at, 0.5 * value * (1 + std::tanh(inner)), computed);
        expect_near(silu, at, value / (1 + std::exp(-value)), computed);
      });
    }
  }
  EXPECT_NEAR(gelu(1.0f, GeluForm::exact), 0.8413447, 3e-7);
  EXPECT_NEAR(gelu(1.0f, GeluForm::tanh), 0.8411920, 3e-7);
  EXPECT_NEAR(silu(1.0f), 0.7310586, 3e-7);
}

TEST(TensorOps, SoftmaxAlongBothAxes) {
  TensorOps ops(2);
  for (const DType dtype : kTypes) {
    for (const Array& x : views(2, dtype, 130, 77)) {
      for (const size_t axis : {0, 1}) {
        Array out(x.shape, dtype);
        ops.softmax(x, axis == 0 ? -2 : 1, out);
        std::vector<double> sums(static_cast<size_t>(x.shape[1 - axis]), 0);
        x.for_each(
            [&](const std::vector<int64_t>& at) { sums[static_cast<size_t>(at[1 - axis])] += std::exp(x.get(at)); });
        x.for_each([&](const std::vector<int64_t>& at) {
          const double expected = std::exp(x.get(at)) / sums[static_cast<size_t>(at[1 - axis])];
          expect_near(out, at, expected, 2e-6 * expected + 1e-9);
        });
      }
    }
  }
}

TEST(TensorOps, SoftmaxOfWhatIsNoNumber) {
  TensorOps ops(1);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  Array x = Array::random({4, 19}, 3), out({4, 19});
  for (int64_t i = 0; i < 19; ++i) x.set({0, i}, -kInfinity);
  x.set({1, 18}, std::nan(""));
  x.set({2, 0}, kInfinity);
  x.set({3, 1}, -kInfinity);
  ops.softmax(x, -1, out);
  out.for_each([&](const std::vector<int64_t>& at) {
    EXPECT_EQ(std::isnan(out.get(at)), at[0] < 3) << ::testing::PrintToString(at);
  });
  EXPECT_EQ(out.get({3, 1}), 0);
}

TEST(TensorOps, Norms) {
  TensorOps ops(2);
  for (const DType dtype : kTypes) {
    for (const Array& x : views(4, dtype, 65, 300)) {
      const int64_t width = x.shape[1];
      const Array weight = Array::random({2 * width}, 5, dtype).thinned(0), bias = Array::random({width}, 6);
      Array layer(x.shape, dtype), rms(x.shape, dtype), plain(x.shape, dtype);
      ops.layer_norm(x, weight, bias, 1e-5f, layer);
      ops.layer_norm(x, {}, {}, 1e-5f, plain);
      ops.rms_norm(x, weight, 1e-6f, rms);
      for (int64_t row = 0; row < x.shape[0]; ++row) {
        double sum = 0, squares = 0, variance = 0;
        for (int64_t i = 0; i < width; ++i) sum += x.get({row, i}), squares += x.get({row, i}) * x.get({row, i});
        const double mean = sum / static_cast<double>(width);
        for (int64_t i = 0; i < width; ++i)
          variance += std::pow(x.get({row, i}) - mean, 2) / static_cast<double>(width);
        for (int64_t i = 0; i < width; ++i) {
          const double normal = (x.get({row, i}) - mean) / std::sqrt(variance + 1e-5);
          expect_near(plain, {row, i}, normal, 3e-6);
          expect_near(layer, {row, i}, normal * weight.get({i}) + bias.get({i}), 1e-5);
          const double root = std::sqrt(squares / static_cast<double>(width) + 1e-6);
          expect_near(rms, {row, i}, x.get({row, i}) / root * weight.get({i}), 1e-5);
        }
      }
    }
  }
}

TEST(TensorOps, Rope) {
  TensorOps ops(2);
  for (const bool is_interleaved : {false, true}) {
    for (const int64_t n_rotated : {0, 6}) {
      // [texts, tokens, heads, head_dim] with heads and tokens exchanged.
      const Array x = Array::random({2, 70, 3, 10}, 7).transposed(1, 2);
      Array out(x.shape);
      std::vector<int32_t> positions;
      for (int32_t i = 0; i < 70; ++i) positions.push_back(7 * i - 40);
      ops.rope(x, {.positions = positions, .base = 500, .n_rotated = n_rotated, .is_interleaved = is_interleaved}, out);
      const int64_t n = n_rotated == 0 ? 10 : n_rotated, half = n / 2;
      x.for_each([&](const std::vector<int64_t>& at) {
        const int64_t i = at[3];
        if (i >= n) return expect_near(out, at, x.get(at), 0);
        const int64_t j = is_interleaved ? i / 2 : i % half;
        const bool is_first = is_interleaved ? i % 2 == 0 : i < half;
        std::vector<int64_t> other = at;
        other[3] = is_interleaved ? i ^ 1 : (i < half ? i + half : i - half);
        const auto frequency =
            static_cast<float>(std::pow(500.0, -2.0 * static_cast<double>(j) / static_cast<double>(n)));
        const double angle = static_cast<float>(positions[static_cast<size_t>(at[2])]) * frequency;
        const double sign = is_first ? -1 : 1;
        expect_near(out, at, x.get(at) * std::cos(angle) + sign * x.get(other) * std::sin(angle), 1e-6);
      });
    }
  }
}

TEST(TensorOps, DotAndAdd) {
  TensorOps ops(2);
  for (const DType dtype : kTypes) {
    for (const int64_t n : {0, 1, 7, 8, 63, 1000, 16384, 16385, 200'003}) {
      const Array a = Array::random({n}, 8, dtype), b = Array::random({2 * n}, 9, dtype).thinned(0);
      const Array c = Array::random({n}, 10, dtype);
      for (const Array* right : {&b, &c}) {
        Array sum({n}, dtype);
        ops.add(a, *right, sum);
        double expected = 0, magnitude = 0;
        for (int64_t i = 0; i < n; ++i) {
          const double exact = a.get({i}) + right->get({i});
          Array rounded({1}, dtype);
          rounded.set({0}, exact);
          ASSERT_EQ(sum.get({i}), rounded.get({0})) << info(dtype).name;
          expected += a.get({i}) * right->get({i});
          magnitude += std::fabs(a.get({i}) * right->get({i}));
        }
        EXPECT_NEAR(ops.dot(a, *right), expected, (dtype == DType::f64 ? 1e-15 : 1e-6) * magnitude) << n;
      }
    }
  }
}

TEST(TensorOps, Matmul) {
  TensorOps ops(2);
  for (const DType dtype : kTypes) {
    for (const auto& [m, k, n] :
         {std::array<int64_t, 3>{1, 1, 1}, {3, 5, 7}, {19, 130, 35}, {1, 300, 40}, {20, 1, 17}}) {
      for (const Array& a : views(11, dtype, m, k)) {
        for (const Array& b : views(12, dtype, k, n)) {
          Array out({m, n}, dtype);
          ops.matmul(a, b, out);
          out.for_each([&](const std::vector<int64_t>& at) {
            double expected = 0, magnitude = 0;
            for (int64_t i = 0; i < k; ++i) {
              expected += a.get({at[0], i}) * b.get({i, at[1]});
              magnitude += std::fabs(a.get({at[0], i}) * b.get({i, at[1]}));
            }
            expect_near(out, at, expected, 1e-6 * magnitude + 1e-30);
          });
        }
      }
    }
  }
  const Array a({4, 0}), b({0, 3});
  Array out({4, 3});
  ops.matmul(a, b, out);
  out.for_each([&](const std::vector<int64_t>& at) { EXPECT_EQ(out.get(at), 0); });
}

// softmax(scale q k^T + mask) v of one query in float64; zeros where nothing is seen.
std::vector<double> attended(const Array& q, const Array& k, const Array& v, const Array* mask, bool is_causal,
                             int64_t batch, int64_t head, int64_t query) {
  const int64_t kv_head = head / (q.shape[1] / k.shape[1]), n_keys = k.shape[2], head_dim = q.shape[3];
  std::vector<double> weights;
  double total = 0;
  for (int64_t key = 0; key < n_keys; ++key) {
    double score = 0;
    for (int64_t i = 0; i < head_dim; ++i) score += q.get({batch, head, query, i}) * k.get({batch, kv_head, key, i});
    score /= std::sqrt(static_cast<double>(head_dim));
    if (mask != nullptr) {
      const std::vector<int64_t> at = {mask->shape[0] == 1 ? 0 : batch, mask->shape[1] == 1 ? 0 : head,
                                       mask->shape[2] == 1 ? 0 : query, mask->shape[3] == 1 ? 0 : key};
      if (mask->dtype == DType::boolean) {
        if (*reinterpret_cast<uint8_t*>(mask->at(at)) == 0) score = -INFINITY;
      } else {
        score += mask->get(at);
      }
    }
    if (is_causal && key > query) score = -INFINITY;
    weights.push_back(std::exp(score));
    total += weights.back();
  }
  std::vector<double> result(static_cast<size_t>(head_dim), 0);
  for (int64_t key = 0; key < n_keys && total > 0; ++key) {
    for (int64_t i = 0; i < head_dim; ++i) {
      result[static_cast<size_t>(i)] += weights[static_cast<size_t>(key)] / total * v.get({batch, kv_head, key, i});
    }
  }
  return result;
}

void expect_attention(TensorOps& ops, const Array& q, const Array& k, const Array& v, const Array* mask,
                      bool is_causal) {
  Array out(q.shape, q.dtype);
  ScaledAttention options{.is_causal = is_causal};
  if (mask != nullptr) options.mask = *mask;
  ops.attention(q, k, v, options, out);
  for (int64_t batch = 0; batch < q.shape[0]; ++batch) {
    for (int64_t head = 0; head < q.shape[1]; ++head) {
      for (int64_t query = 0; query < q.shape[2]; ++query) {
        const std::vector<double> expected = attended(q, k, v, mask, is_causal, batch, head, query);
        for (int64_t i = 0; i < q.shape[3]; ++i) {
          expect_near(out, {batch, head, query, i}, expected[static_cast<size_t>(i)], 5e-6);
        }
      }
    }
  }
}

TEST(TensorOps, Attention) {
  TensorOps ops(2);
  for (const DType dtype : kTypes) {
    for (const auto& [n_queries, n_keys] :
         {std::array<int64_t, 2>{1, 1}, {1, 200}, {7, 5}, {33, 33}, {140, 9}, {9, 140}}) {
      for (const int64_t n_kv_heads : {4, 2}) {
        const Array q = Array::random({2, 4, n_queries, 24}, 13, dtype);
        const Array k = Array::random({2, n_kv_heads, n_keys, 24}, 14, dtype);
        const Array v = Array::random({2, n_kv_heads, n_keys, 24}, 15, dtype);
        // The layout of linear layers: heads inside of tokens.
        const Array inside = Array::random({2, n_keys, n_kv_heads, 24}, 16, dtype).transposed(1, 2);
        for (const bool is_causal : {false, true}) {
          expect_attention(ops, q, k, v, nullptr, is_causal);
          expect_attention(ops, q, inside, inside, nullptr, is_causal);
          expect_attention(ops, q, inside, v, nullptr, is_causal);
        }
      }
    }
  }
}

TEST(TensorOps, AttentionWithMasks) {
  TensorOps ops(2);
  constexpr int64_t kQueries = 30, kKeys = 140;
  const Array q = Array::random({2, 4, kQueries, 16}, 17), k = Array::random({2, 2, kKeys, 16}, 18),
              v = Array::random({2, 2, kKeys, 16}, 19);
  for (const std::vector<int64_t>& shape : std::vector<std::vector<int64_t>>{
           {1, 1, kQueries, kKeys}, {2, 1, 1, kKeys}, {2, 4, kQueries, kKeys}, {1, 4, kQueries, 1}}) {
    Array added = Array::random(shape, 20), seen(shape, DType::boolean);
    std::mt19937 generator(21);
    seen.for_each([&](const std::vector<int64_t>& at) { seen.set(at, generator() % 3 == 0 ? 1 : 0); });
    added.for_each([&](const std::vector<int64_t>& at) {
      if (generator() % 4 == 0) added.set(at, -INFINITY);
    });
    // A query that sees nothing, and one that sees nothing in the first 128 keys.
    if (shape[2] == kQueries) {
      for (int64_t key = 0; key < shape[3]; ++key) seen.set({0, 0, 3, key}, 0), added.set({0, 0, 4, key}, -INFINITY);
      for (int64_t key = 0; key < std::min<int64_t>(128, shape[3]); ++key) seen.set({0, 0, 5, key}, 0);
    }
    for (const bool is_causal : {false, true}) {
      expect_attention(ops, q, k, v, &seen, is_causal);
      expect_attention(ops, q, k, v, &added, is_causal);
    }
  }
}

TEST(TensorOps, ThreadsChangeNoBit) {
  TensorOps one(1), two(2);
  const Array x = Array::random({300, 257}, 22), q = Array::random({1, 4, 200, 32}, 23),
              b = Array::random({257, 65}, 24);
  const auto expect_same = [&](const std::vector<int64_t>& shape, const auto& call) {
    Array first(shape), second(shape);
    call(one, first);
    call(two, second);
    EXPECT_EQ(*first.bytes, *second.bytes);
  };
  expect_same(x.shape, [&](TensorOps& ops, Array& out) { ops.softmax(x, 0, out); });
  expect_same(x.shape, [&](TensorOps& ops, Array& out) { ops.layer_norm(x, {}, {}, 0, out); });
  expect_same(x.shape, [&](TensorOps& ops, Array& out) { ops.gelu(x, GeluForm::exact, out); });
  expect_same({300, 65}, [&](TensorOps& ops, Array& out) { ops.matmul(x, b, out); });
  expect_same(q.shape, [&](TensorOps& ops, Array& out) { ops.attention(q, q, q, {.is_causal = true}, out); });
  const Array y = Array::random({100'000}, 25);
  EXPECT_EQ(one.dot(y, y), two.dot(y, y));
}

TEST(TensorOps, ARowOfAProductHasTheSameBitsAloneAndAmongMany) {
  TensorOps ops(2);
  for (const DType dtype : {DType::f32, DType::f16}) {
    for (const Array& b : views(28, dtype, 300, 65)) {
      const Array all = Array::random({100, 300}, 29, dtype);
      Array together({100, 65}, dtype);
      ops.matmul(all, b, together);
      for (const int64_t n_rows : {1, 2, 7, 20, 40}) {
        Array some({n_rows, 300}, dtype), out({n_rows, 65}, dtype);
        some.for_each([&](const std::vector<int64_t>& at) { some.set(at, all.get(at)); });
        ops.matmul(some, b, out);
        out.for_each([&](const std::vector<int64_t>& at) { ASSERT_EQ(out.get(at), together.get(at)) << n_rows; });
      }
    }
  }
}

TEST(TensorOps, ManyCallersAtOnce) {
  TensorOps ops(2);
  const Array x = Array::random({200, 300}, 26), b = Array::random({300, 50}, 27);
  Array expected({200, 50});
  ops.matmul(x, b, expected);
  std::vector<std::thread> callers;
  std::atomic<int> n_right = 0;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      for (int round = 0; round < 10; ++round) {
        Array out({200, 50});
        ops.matmul(x, b, out);
        n_right += *out.bytes == *expected.bytes;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(n_right, 40);
}

TEST(TensorOps, RefusesShapesByName) {
  TensorOps ops(1);
  const Array x({2, 3}), y({3, 2}), wide({2, 4}), one({3}), numbers({2, 3}, DType::i32);
  Array out({2, 3});
  const auto message = [](const auto& call) -> std::string {
    try {
      call();
    } catch (const ShapeError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message([&] { ops.softmax(x, 2, out); }), "axis: the shape [2, 3]: has no axis 2; give one from -2 to 1");
  EXPECT_EQ(message([&] { ops.silu(y, out); }), "out: the shape [2, 3]: expected [3, 2]");
  EXPECT_EQ(message([&] { ops.add(x, y, out); }), "b: the shape [3, 2]: expected that of a, [2, 3]");
  EXPECT_EQ(message([&] { ops.matmul(x, wide, out); }), "b: the shape [2, 4]: expected 3 rows, for a is [2, 3]");
  EXPECT_EQ(message([&] { ops.dot(one, x); }), "b: the shape [2, 3]: expected that of a, [3]");
  EXPECT_EQ(message([&] { ops.layer_norm(x, y, {}, 0, out); }),
            "weight: the shape [3, 2]: expected [3], a number for each of x's last axis");
  EXPECT_EQ(message([&] { ops.attention(x, wide, wide, {}, out); }),
            "k: the shape [2, 4]: expected heads of 3, for q is [2, 3]");
  EXPECT_EQ(message([&] { ops.attention(x, x, x, {.mask = y}, out); }),
            "mask: the shape [3, 2]: expected one that broadcasts to [2, 2]");
  EXPECT_NE(message([&] { ops.rope(x, {.n_rotated = 4}, out); }), "");
  EXPECT_THROW(ops.silu(numbers, out), Error);
  EXPECT_THROW(ops.rms_norm(x, {}, -1.0f, out), Error);
  EXPECT_THROW(TensorOps(-1), Error);
}

TEST(TensorOps, EmptyArraysGiveEmptyOnes) {
  TensorOps ops(1);
  const Array x({0, 3}), none({3, 0});
  Array out({0, 3}), out_none({3, 0});
  ops.softmax(x, 0, out);
  ops.softmax(none, -1, out_none);
  ops.gelu(x, GeluForm::exact, out);
  ops.layer_norm(x, {}, {}, 0, out);
  ops.layer_norm(none, {}, {}, 0, out_none);
  ops.rope(x, {.n_rotated = 2}, out);
  const Array q({1, 2, 3, 4}), keys({1, 2, 0, 4});
  Array attended_nothing(q.shape);
  ops.attention(q, keys, keys, {}, attended_nothing);
  attended_nothing.for_each([&](const std::vector<int64_t>& at) { EXPECT_EQ(attended_nothing.get(at), 0); });
}

TEST(TensorOps, WarmUp) {
  TensorOps(2).warm_up();
}

}  // namespace
}  // namespace tidemill
