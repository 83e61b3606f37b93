#include "backends/cpu/int8_project.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "backends/cpu/backend.h"
#include "backends/cpu/isa.h"
#include "backends/cpu/project.h"
#include "backends/cpu/test_tensor.h"
#include "ops/reference.h"
#include "tensor/int8_panels.h"
#include "tidemill/error.h"
#include "tidemill/system.h"

namespace tidemill {
namespace {

// What a matrix's rows are after rounding: whole steps of a scale each.
TestTensor rounded_weight(const Tensor& weight) {
  TestTensor out(weight.shape());
  for (int64_t row = 0; row < weight.dim(0); ++row) {
    const float* const from = weight.row<float>(row);
    float greatest = 0;
    for (int64_t k = 0; k < weight.dim(1); ++k) greatest = std::max(greatest, std::fabs(from[k]));
    const float scale = greatest / 127.0f;
    for (int64_t k = 0; k < weight.dim(1); ++k) {
      out.view().row<float>(row)[k] = greatest == 0 ? 0.0f : std::nearbyint(from[k] * (127.0f / greatest)) * scale;
    }
  }
  return out;
}

// Rows that are codes already, of a scale of 1/32 each: -100 to 153 less a zero.
TestTensor exact_input(int64_t n_rows, int64_t n_cols) {
  TestTensor x({n_rows, n_cols});
  std::mt19937 random(7);
  for (int64_t row = 0; row < n_rows; ++row) {
    float* const values = x.view().row<float>(row);
    for (int64_t k = 0; k < n_cols; ++k) values[k] = static_cast<float>(static_cast<int>(random() % 254) - 100) / 32;
    values[0] = -100.0f / 32;
    values[n_cols - 1] = 153.0f / 32;
  }
  return x;
}

// Layers over one input, of which every second one has a bias.
struct Int8Layers {
  Int8Layers(ThreadPool& pool, int64_t n_cols, const std::vector<int64_t>& widths)
      : backend(pool, Precision::int8, true) {
    for (size_t j = 0; j < widths.size(); ++j) {
      const auto seed = static_cast<uint32_t>(j);
      own_weights.push_back(TestTensor::random({widths[j], n_cols}, seed + 1));
      own_biases.push_back(TestTensor::random({widths[j]}, seed + 2));
      adopted.push_back(backend.adopt(own_weights[j].view(), WeightRole::matrix));
      rounded.push_back(rounded_weight(own_weights[j].view()));
    }
    for (size_t j = 0; j < widths.size(); ++j) {
      biases.push_back(j % 2 == 0 ? own_biases[j].view() : Tensor());
      rows.push_back(rounded[j].view());
    }
  }

  template <class Run>
  std::vector<TestTensor> outs_of(const Tensor& x, std::span<const Tensor> matrices, Activation activation, Run run) {
    std::vector<TestTensor> owners;
    std::vector<Tensor> outs;
    for (const Tensor& matrix : matrices) outs.push_back(owners.emplace_back(Shape{x.dim(0), matrix.dim(0)}).view());
    run(op::Project{x, matrices, biases, activation, outs});
    return owners;
  }

  CpuBackend backend;
  std::vector<TestTensor> own_weights, own_biases, rounded;
  std::vector<Tensor> adopted, biases, rows;
};

TEST(Int8ProjectTest, IsTheReferenceOverRoundedNumbersOnEachInstructionSet) {
  const std::string before = active_isa();
  for (const std::string& isa : available_isas()) {
    force_isa(isa);
    ThreadPool pool(2);
    MatmulContext context(pool, Precision::int8);
    for (const int64_t n_cols : {96, 131}) {
      Int8Layers layers(pool, n_cols, {48, 1, 100, 33});
      for (const Tensor& weight : layers.adopted) ASSERT_TRUE(is_int8_panels(weight));
      for (const int64_t n_rows : {1, 2, 7, 8, 23, 200}) {
        const TestTensor x = exact_input(n_rows, n_cols);
        for (const Activation activation : {Activation::identity, Activation::gelu}) {
          const auto found = layers.outs_of(x.view(), layers.adopted, activation,
                                            [&](const op::Project& operation) { compute(context, operation); });
          const auto expected = layers.outs_of(x.view(), layers.rows, activation, [&](const op::Project& operation) {
            ReferenceKernels().run(operation);
          });
          for (size_t j = 0; j < found.size(); ++j)
            for (int64_t i = 0; i < found[j].view().n_elements(); ++i)
              ASSERT_NEAR(found[j].view().as<float>()[i], expected[j].view().as<float>()[i], 1e-3)
                  << isa << ", layer " << j << ", element " << i << ", " << n_rows << " rows of " << n_cols;
        }
      }
    }
  }
  force_isa(before);
}

TEST(Int8ProjectTest, RoundingCostsLittle) {
  const std::string before = active_isa();
  for (const std::string& isa : available_isas()) {
    force_isa(isa);
    ThreadPool pool(1);
    MatmulContext context(pool, Precision::int8);
    Int8Layers layers(pool, 384, {64});
    const std::vector<Tensor> rows = {layers.own_weights[0].view()};
    const TestTensor x = TestTensor::random({20, 384}, 7);
    const auto found = layers.outs_of(x.view(), layers.adopted, Activation::identity,
                                      [&](const op::Project& operation) { compute(context, operation); });
    const auto expected = layers.outs_of(x.view(), rows, Activation::identity,
                                         [&](const op::Project& operation) { ReferenceKernels().run(operation); });
    double error = 0, size = 0;
    for (int64_t i = 0; i < found[0].view().n_elements(); ++i) {
      error += std::pow(found[0].view().as<float>()[i] - expected[0].view().as<float>()[i], 2);
      size += std::pow(expected[0].view().as<float>()[i], 2);
    }
    EXPECT_LT(std::sqrt(error / size), 0.02) << isa;
  }
  force_isa(before);
}

TEST(Int8ProjectTest, ARowIsTheSameAmongAnyOthersAndForAnyThreads) {
  ThreadPool one(1), two(2);
  MatmulContext alone(one, Precision::int8), shared(two, Precision::int8);
  Int8Layers layers(one, 130, {70, 32});
  const TestTensor x = TestTensor::random({61, 130}, 3);
  const auto all = layers.outs_of(x.view(), layers.adopted, Activation::gelu,
                                  [&](const op::Project& operation) { compute(shared, operation); });
  for (int64_t row = 0; row < 61; ++row) {
    const int64_t n = 1 + row % 9, end = std::min<int64_t>(61, row + n);
    const auto some = layers.outs_of(x.view().slice(0, row, end), layers.adopted, Activation::gelu,
                                     [&](const op::Project& operation) { compute(alone, operation); });
    for (size_t j = 0; j < all.size(); ++j)
      for (int64_t column = 0; column < all[j].view().dim(1); ++column)
        ASSERT_EQ(all[j].view().row<float>(row)[column], some[j].view().row<float>(0)[column]);
  }
}

TEST(Int8ProjectTest, ZerosGiveTheBiasAndWhatIsNotFiniteGivesNaNInItsRowOnly) {
  ThreadPool pool(1);
  MatmulContext context(pool, Precision::int8);
  Int8Layers layers(pool, 40, {20});
  TestTensor x = TestTensor::random({4, 40}, 5);
  std::fill_n(x.view().row<float>(0), 40, 0.0f);
  x.view().row<float>(1)[17] = std::numeric_limits<float>::quiet_NaN();
  x.view().row<float>(2)[39] = -std::numeric_limits<float>::infinity();
  const auto found = layers.outs_of(x.view(), layers.adopted, Activation::identity,
                                    [&](const op::Project& operation) { compute(context, operation); });
  for (int64_t column = 0; column < 20; ++column) {
    EXPECT_EQ(found[0].view().row<float>(0)[column], layers.own_biases[0].data()[column]);
    EXPECT_TRUE(std::isnan(found[0].view().row<float>(1)[column]));
    EXPECT_TRUE(std::isnan(found[0].view().row<float>(2)[column]));
    EXPECT_TRUE(std::isfinite(found[0].view().row<float>(3)[column]));
  }
}

TEST(Int8ProjectTest, LayersOfOneInputMayComeInDifferentFormats) {
  ThreadPool pool(1);
  MatmulContext context(pool, Precision::int8);
  Int8Layers layers(pool, 64, {32, 48});
  CpuBackend exact(pool, Precision::fast);
  const std::vector<Tensor> mixed = {layers.adopted[0], exact.adopt(layers.own_weights[1].view(), WeightRole::matrix)};
  const std::vector<Tensor> rows = {layers.own_weights[0].view(), layers.own_weights[1].view()};
  const TestTensor x = TestTensor::random({9, 64}, 5);
  const auto found = layers.outs_of(x.view(), mixed, Activation::identity,
                                    [&](const op::Project& operation) { compute(context, operation); });
  const auto expected = layers.outs_of(x.view(), rows, Activation::identity,
                                       [&](const op::Project& operation) { ReferenceKernels().run(operation); });
  const double tolerance[] = {0.5, 1e-4};
  for (size_t j = 0; j < 2; ++j)
    for (int64_t i = 0; i < found[j].view().n_elements(); ++i)
      ASSERT_NEAR(found[j].view().as<float>()[i], expected[j].view().as<float>()[i], tolerance[j]);
}

TEST(Int8PanelsTest, WhatDoesNotFitIsRefused) {
  EXPECT_EQ(int8_panel_bytes(17, 5), 2 * (2 * 64 + 128));
  EXPECT_THROW(int8_panel_bytes(1, kMostInt8Columns + 1), Error);
  EXPECT_THROW(int8_panel_bytes(std::numeric_limits<int64_t>::max(), 4), Error);
}

}  // namespace
}  // namespace tidemill
