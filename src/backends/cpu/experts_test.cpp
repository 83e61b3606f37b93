#include "backends/cpu/experts.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "backends/cpu/test_tensor.h"
#include "backends/registry.h"
#include "ops/reference.h"

namespace tidemill {
namespace {

class ExpertsTest : public testing::Test {
 protected:
  static constexpr int64_t kRows = 13, kExperts = 7, kChosen = 3, kWidth = 40, kOut = 24;

  ExpertsTest() {
    for (int64_t expert = 0; expert < kExperts; ++expert) {
      originals_.push_back(TestTensor::random({kOut, kWidth}, static_cast<uint32_t>(expert + 10)));
      originals_view_.push_back(originals_.back().view());
      adopted_.push_back(backend_->adopt(originals_.back().view(), WeightRole::matrix));
      bias_memory_.push_back(TestTensor::random({kOut}, static_cast<uint32_t>(expert + 30)));
      biases_.push_back(bias_memory_.back().view());
    }
    ReferenceKernels().run(
        op::ChooseExperts{logits_.view(), RouterWeights::softmax_of_all, ids_.view(), weights_.view()});
  }

  ThreadPool pool_{2};
  std::unique_ptr<Backend> backend_ = make_backend("cpu", pool_, Precision::f32);
  std::vector<TestTensor> originals_, bias_memory_;
  std::vector<Tensor> originals_view_, adopted_, biases_;
  TestTensor logits_ = TestTensor::random({kRows, kExperts}, 1, 2.0f);
  TestTensor ids_{{kRows, kChosen}, DType::i32}, weights_{{kRows, kChosen}};
};

TEST_F(ExpertsTest, ChoosesAsTheReferenceAndTheLowerNumberOfEquals) {
  for (int64_t expert = 0; expert < kExperts; ++expert) logits_.data()[expert] = expert % 2 == 0 ? 1.0f : 2.0f;
  for (const RouterWeights kind : {RouterWeights::softmax_of_all, RouterWeights::softmax_of_chosen}) {
    TestTensor found({kRows, kChosen}, DType::i32), found_weights({kRows, kChosen});
    compute(pool_, op::ChooseExperts{logits_.view(), kind, found.view(), found_weights.view()});
    ReferenceKernels().run(op::ChooseExperts{logits_.view(), kind, ids_.view(), weights_.view()});
    EXPECT_TRUE(found == ids_);
    for (int64_t i = 0; i < kRows * kChosen; ++i) EXPECT_NEAR(found_weights.data()[i], weights_.data()[i], 1e-6f);
    const int32_t* const ids = found.view().as<int32_t>();
    EXPECT_EQ(std::vector<int32_t>(ids, ids + kChosen), (std::vector<int32_t>{1, 3, 5}));
  }
}

TEST_F(ExpertsTest, ProductsAgreeWithTheReference) {
  for (const int64_t n_x : {kRows, kRows * kChosen}) {
    const TestTensor x = TestTensor::random({n_x, kWidth}, 2);
    TestTensor found({kRows * kChosen, kOut}), expected({kRows * kChosen, kOut});
    backend_->kernels().run(op::ExpertMatmul{x.view(), ids_.view(), adopted_, biases_, found.view()});
    ReferenceKernels().run(op::ExpertMatmul{x.view(), ids_.view(), originals_view_, biases_, expected.view()});
    for (int64_t i = 0; i < kRows * kChosen * kOut; ++i) ASSERT_NEAR(found.data()[i], expected.data()[i], 1e-5f) << i;
  }
}

TEST_F(ExpertsTest, ARowDoesNotDependOnTheOthers) {
  const TestTensor x = TestTensor::random({kRows, kWidth}, 2);
  TestTensor together({kRows * kChosen, kOut}), alone({kRows * kChosen, kOut});
  backend_->kernels().run(op::ExpertMatmul{x.view(), ids_.view(), adopted_, {}, together.view()});
  for (int64_t row = 0; row < kRows; ++row) {
    backend_->kernels().run(op::ExpertMatmul{x.view().slice(0, row, row + 1),
                                             ids_.view().slice(0, row, row + 1),
                                             adopted_,
                                             {},
                                             alone.view().slice(0, row * kChosen, (row + 1) * kChosen)});
  }
  EXPECT_TRUE(together == alone);
}

TEST_F(ExpertsTest, MixesByTheWeights) {
  const TestTensor x = TestTensor::random({kRows * kChosen, kOut}, 3);
  TestTensor found({kRows, kOut}), expected({kRows, kOut});
  compute(pool_, op::MixExperts{x.view(), weights_.view(), found.view()});
  ReferenceKernels().run(op::MixExperts{x.view(), weights_.view(), expected.view()});
  for (int64_t i = 0; i < kRows * kOut; ++i) ASSERT_NEAR(found.data()[i], expected.data()[i], 1e-6f) << i;
}

}  // namespace
}  // namespace tidemill
