#include "backends/cpu/activation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "backends/cpu/test_tensor.h"
#include "ops/reference.h"

namespace tidemill {
namespace {

constexpr Activation kFunctions[] = {Activation::gelu_tanh,   Activation::gelu,           Activation::silu,
                                     Activation::relu,        Activation::relu_squared,   Activation::identity,
                                     Activation::sigmoid,     Activation::tanh,           Activation::softplus,
                                     Activation::exp_neg_exp, Activation::exp_neg_sigmoid};

// Numbers from -bound to bound, densest around zero.
TestTensor sweep(float bound) {
  constexpr int64_t kCount = 50'003;
  TestTensor x({1, kCount});
  for (int64_t i = 0; i < kCount; ++i) {
    const double t = 2.0 * static_cast<double>(i) / static_cast<double>(kCount - 1) - 1;
    x.data()[i] = static_cast<float>(t * t * t * bound);
  }
  return x;
}

TEST(ActivationTest, IsExactToAMillionth) {
  ThreadPool pool(2);
  for (const Activation activation : kFunctions) {
    for (const float bound : {1e-3f, 1.0f, 6.0f, 12.0f, 100.0f, 1e10f}) {
      const TestTensor x = sweep(bound);
      TestTensor found(x.view().shape()), expected(x.view().shape());
      compute(pool, op::Activate{x.view(), activation, found.view()});
      ReferenceKernels().run(op::Activate{x.view(), activation, expected.view()});
      for (int64_t i = 0; i < x.view().n_elements(); ++i) {
        const float exact = expected.data()[i];
        ASSERT_NEAR(found.data()[i], exact,
                    std::fmin(1e-6f, 1e-6f * std::fabs(x.view().as<float>()[i])) + 3e-7f * std::fabs(exact))
            << "activation " << static_cast<int>(activation) << " of " << x.view().as<float>()[i];
      }
    }
  }
}

TEST(ActivationTest, NanStaysNanAndAlone) {
  ThreadPool pool(1);
  for (const Activation activation : kFunctions) {
    TestTensor x = TestTensor::random({1, 37}, 1);
    x.data()[5] = std::nanf("");
    compute(pool, op::Activate{x.view(), activation, x.view()});
    for (int64_t i = 0; i < 37; ++i) EXPECT_EQ(std::isnan(x.data()[i]), i == 5) << i;
  }
}

TEST(GateTest, ClampedSwigluAgreesWithTheReference) {
  ThreadPool pool(2);
  TestTensor gate = TestTensor::random({5, 301}, 1, 5.0f), up = TestTensor::random({5, 301}, 2, 5.0f);
  gate.data()[7] = 1e30f;
  gate.data()[8] = -1e30f;
  up.data()[9] = -1e30f;
  TestTensor found({5, 301}), expected({5, 301});
  compute(pool, op::Gate{gate.view(), up.view(), Activation::clamped_swiglu, found.view()});
  ReferenceKernels().run(op::Gate{gate.view(), up.view(), Activation::clamped_swiglu, expected.view()});
  for (int64_t i = 0; i < 5 * 301; ++i) ASSERT_NEAR(found.data()[i], expected.data()[i], 1e-5f) << i;
}

TEST(GateTest, IsTheActivationTimesUp) {
  ThreadPool pool(2);
  const TestTensor gate = TestTensor::random({3, 77}, 1, 3.0f), up = TestTensor::random({3, 77}, 2);
  for (const Activation activation : kFunctions) {
    TestTensor found({3, 77}), activated({3, 77});
    compute(pool, op::Gate{gate.view(), up.view(), activation, found.view()});
    compute(pool, op::Activate{gate.view(), activation, activated.view()});
    for (int64_t i = 0; i < 3 * 77; ++i) {
      ASSERT_EQ(found.data()[i], activated.data()[i] * up.view().as<float>()[i]) << i;
    }
  }
}

}  // namespace
}  // namespace tidemill
