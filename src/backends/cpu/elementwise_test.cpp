#include "backends/cpu/elementwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "backends/cpu/activation.h"
#include "backends/cpu/test_tensor.h"
#include "ops/reference.h"

namespace tidemill {
namespace {

// Gates from -bound to bound, densest around zero, and ups of one.
struct Sweep {
  explicit Sweep(float bound, int64_t n = 100'003) : gate({1, n}), up({1, n}), found({1, n}), expected({1, n}) {
    for (int64_t i = 0; i < n; ++i) {
      const double t = 2.0 * static_cast<double>(i) / static_cast<double>(n - 1) - 1;
      gate.data()[i] = static_cast<float>(t * t * t * bound);
      up.data()[i] = 1.0f;
    }
  }
  void run() {
    ThreadPool pool(2);
    compute(pool, op::Gate{gate.view(), up.view(), Activation::gelu_tanh, found.view()});
    ReferenceKernels().run(op::Gate{gate.view(), up.view(), Activation::gelu_tanh, expected.view()});
  }
  TestTensor gate, up, found, expected;
};

TEST(GeluTest, IsExactToAMillionth) {
  for (const float bound : {1e-3f, 1.0f, 6.0f, 12.0f, 100.0f}) {
    Sweep sweep(bound);
    sweep.run();
    for (int64_t i = 0; i < sweep.gate.view().n_elements(); ++i) {
      const float expected = sweep.expected.data()[i];
      ASSERT_NEAR(sweep.found.data()[i], expected,
                  std::fmin(1e-6f, 1e-6f * std::fabs(sweep.gate.data()[i])) + 3e-7f * std::fabs(expected))
          << "gelu of " << sweep.gate.data()[i];
    }
  }
}

TEST(GeluTest, HugeGatesNeitherOverflowNorLeak) {
  ThreadPool pool(1);
  const float huge[] = {30, -30, 1e10f, -1e10f, 1e19f, -1e19f, 3e38f, -3e38f, 0.0f};
  for (const float g : huge) {
    TestTensor gate({1, 1}), up({1, 1}), out({1, 1});
    *gate.data() = g;
    *up.data() = 2.0f;
    compute(pool, op::Gate{gate.view(), up.view(), Activation::gelu_tanh, out.view()});
    EXPECT_EQ(*out.data(), g > 1e38f ? std::numeric_limits<float>::infinity() : g > 0 ? 2 * g : 0.0f) << g;
  }
}

TEST(GeluTest, NanStaysNanAndAlone) {
  ThreadPool pool(1);
  TestTensor gate = TestTensor::random({1, 37}, 1), up = TestTensor::random({1, 37}, 2);
  gate.data()[5] = std::nanf("");
  up.data()[36] = std::nanf("");
  compute(pool, op::Gate{gate.view(), up.view(), Activation::gelu_tanh, gate.view()});  // in place
  for (int64_t i = 0; i < 37; ++i) EXPECT_EQ(std::isnan(gate.data()[i]), i == 5 || i == 36) << i;
}

TEST(ElementwiseTest, BitsDoNotDependOnPlaceOrThreads) {
  const int64_t n = 50'007;
  const TestTensor gate = TestTensor::random({n, 1}, 1, 2.0f), up = TestTensor::random({n, 1}, 2);
  TestTensor gelu({n, 1}), sum({n, 1});
  ThreadPool one(1);
  for (int64_t i = 0; i < n; ++i) {
    const auto element = [i](const TestTensor& tensor) { return tensor.view().slice(0, i, i + 1); };
    compute(one, op::Gate{element(gate), element(up), Activation::gelu_tanh, element(gelu)});
    compute(one, op::Add{element(gate), element(up), element(sum)});
    ASSERT_EQ(sum.data()[i], gate.view().as<float>()[i] + up.view().as<float>()[i]);
  }
  for (int n_threads = 1; n_threads <= 4; ++n_threads) {
    ThreadPool pool(n_threads);
    TestTensor found({n, 1});
    compute(pool, op::Gate{gate.view(), up.view(), Activation::gelu_tanh, found.view()});
    EXPECT_TRUE(found == gelu) << n_threads << " threads";
    compute(pool, op::Add{gate.view(), up.view(), found.view()});
    EXPECT_TRUE(found == sum) << n_threads << " threads";
  }
}

TEST(ElementwiseTest, AddsARowToEveryRow) {
  ThreadPool pool(2);
  const TestTensor x = TestTensor::random({70, 33}, 1), row = TestTensor::random({33}, 2);
  TestTensor found({70, 33});
  compute(pool, op::AddRow{x.view(), row.view(), found.view()});
  for (int64_t i = 0; i < 70 * 33; ++i) {
    ASSERT_EQ(found.data()[i], x.view().as<float>()[i] + row.view().as<float>()[i % 33]) << i;
  }
}

TEST(ElementwiseTest, CapsSoftly) {
  ThreadPool pool(2);
  for (const float cap : {0.5f, 3.0f, 50.0f}) {
    TestTensor x = TestTensor::random({3, 1001}, 1, 2 * cap), found({3, 1001}), expected({3, 1001});
    x.data()[3] = 1e30f;
    x.data()[4] = -1e30f;
    compute(pool, op::SoftCap{x.view(), cap, found.view()});
    ReferenceKernels().run(op::SoftCap{x.view(), cap, expected.view()});
    for (int64_t i = 0; i < 3003; ++i) ASSERT_NEAR(found.data()[i], expected.data()[i], 3e-7f * cap) << i;
  }
}

TEST(ScaleTest, IsAProductInPlaceToo) {
  ThreadPool pool(2);
  const TestTensor x = TestTensor::random({70, 503}, 1), found({70, 503}), expected({70, 503});
  compute(pool, op::Scale{x.view(), 0.3f, found.view()});
  ReferenceKernels().run(op::Scale{x.view(), 0.3f, expected.view()});
  EXPECT_TRUE(found == expected);
  compute(pool, op::Scale{x.view(), 0.3f, x.view()});
  EXPECT_TRUE(x == found);
}

}  // namespace
}  // namespace tidemill
