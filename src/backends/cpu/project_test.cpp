#include "backends/cpu/project.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "backends/cpu/backend.h"
#include "backends/cpu/random_weights.h"
#include "backends/cpu/test_tensor.h"
#include "ops/reference.h"

namespace tidemill {
namespace {

// Layers over one input of `n_rows` rows, of which every second one has a bias.
struct Layers {
  Layers(ThreadPool& pool, DType dtype, int64_t n_cols, const std::vector<int64_t>& widths) {
    for (const int64_t width : widths) {
      const auto seed = static_cast<uint32_t>(weights.size());
      weights.emplace_back(pool, dtype, width, n_cols, seed + 1);
      own_biases.push_back(TestTensor::random({width}, seed + 2));
    }
    for (size_t j = 0; j < widths.size(); ++j) {
      biases.push_back(j % 2 == 0 ? own_biases[j].view() : Tensor());
      panels.push_back(weights[j].panels);
      rows.push_back(weights[j].rows);
    }
  }

  // outs of the first rows of `x`.
  template <class Run>
  std::vector<TestTensor> outs_of(const Tensor& x, std::span<const Tensor> matrices, Activation activation, Run run) {
    std::vector<TestTensor> owners;
    std::vector<Tensor> outs;
    for (const Tensor& matrix : matrices) outs.push_back(owners.emplace_back(Shape{x.dim(0), matrix.dim(0)}).view());
    run(op::Project{x, matrices, biases, activation, outs});
    return owners;
  }

  std::vector<RandomWeight> weights;
  std::vector<TestTensor> own_biases;
  std::vector<Tensor> biases, panels, rows;
};

class ProjectTest : public testing::TestWithParam<DType> {};

TEST_P(ProjectTest, IsTheReference) {
  ThreadPool pool(2);
  MatmulContext context(pool, Precision::f32);
  for (const int64_t n_rows : {1, 2, 7, 8, 23, 200}) {
    Layers layers(pool, GetParam(), 96, {48, 1, 100, 33});
    const TestTensor x = TestTensor::random({n_rows, 96}, 7);
    for (const Activation activation : {Activation::identity, Activation::gelu}) {
      const auto found = layers.outs_of(x.view(), layers.panels, activation,
                                        [&](const op::Project& operation) { compute(context, operation); });
      const auto expected = layers.outs_of(x.view(), layers.rows, activation,
                                           [&](const op::Project& operation) { ReferenceKernels().run(operation); });
      for (size_t j = 0; j < found.size(); ++j)
        for (int64_t i = 0; i < found[j].view().n_elements(); ++i)
          ASSERT_NEAR(found[j].view().as<float>()[i], expected[j].view().as<float>()[i], 1e-4)
              << "layer " << j << ", element " << i << ", " << n_rows << " rows";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, ProjectTest, testing::Values(DType::f32, DType::bf16, DType::q8_0),
                         [](const auto& one) { return std::string(tidemill::info(one.param).name); });

TEST(ProjectRowsTest, ARowIsTheSameAmongAnyOthersAndForAnyThreads) {
  ThreadPool one(1), two(2);
  MatmulContext alone(one, Precision::fast), shared(two, Precision::fast);
  Layers layers(one, DType::f32, 130, {70, 32});
  const TestTensor x = TestTensor::random({61, 130}, 3);
  const auto all = layers.outs_of(x.view(), layers.panels, Activation::silu,
                                  [&](const op::Project& operation) { compute(shared, operation); });
  for (int64_t row = 0; row < 61; ++row) {
    const int64_t n = 1 + row % 9, end = std::min<int64_t>(61, row + n);
    const auto some = layers.outs_of(x.view().slice(0, row, end), layers.panels, Activation::silu,
                                     [&](const op::Project& operation) { compute(alone, operation); });
    for (size_t j = 0; j < all.size(); ++j)
      for (int64_t column = 0; column < all[j].view().dim(1); ++column)
        ASSERT_EQ(all[j].view().row<float>(row)[column], some[j].view().row<float>(0)[column]);
  }
}

TEST(ProjectRowsTest, NoRowsAreNoWork) {
  ThreadPool pool(1);
  MatmulContext context(pool, Precision::fast);
  Layers layers(pool, DType::f32, 32, {16});
  const TestTensor x({0, 32});
  layers.outs_of(x.view(), layers.panels, Activation::identity,
                 [&](const op::Project& operation) { compute(context, operation); });
}

}  // namespace
}  // namespace tidemill
