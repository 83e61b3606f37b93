// The checker lets equal kernels pass and names operation and position when they differ.
#include "ops/checker.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

namespace tidemill {
namespace {

Tensor view(std::vector<float>& values, const Shape& shape) {
  return {values.data(), DType::f32, shape};
}

// Reference kernels with one fault each: add spoils one element, attention forgets to append, embed doubles.
class FaultyKernels : public Kernels {
 public:
  void run(const Operation& operation) override {
    if (const auto* embed = std::get_if<op::Embed>(&operation)) {
      good_.run(op::Embed{embed->table, embed->ids, 2 * embed->scale, embed->out});
    } else if (const auto* attention = std::get_if<op::Attention>(&operation)) {
      std::vector<float> keys(4), values(4);
      const StateRun elsewhere{0, 2, 0, view(keys, {2, 2}), view(values, {2, 2})};
      op::Attention forgetful = *attention;
      forgetful.runs = {&elsewhere, 1};
      good_.run(forgetful);
    } else {
      good_.run(operation);
      if (const auto* add = std::get_if<op::Add>(&operation)) add->out.as<float>()[5] += 0.01f;
    }
  }

 private:
  ReferenceKernels good_;
};

std::string failure_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::internal);
    return error.what();
  }
  return "";
}

class CheckerTest : public testing::Test {
 protected:
  std::vector<float> a_{1, 2, 3, 4, 5, 6}, b_{6, 5, 4, 3, 2, 1}, out_ = std::vector<float>(6);
  const Tensor a = view(a_, {2, 3}), b = view(b_, {2, 3}), out = view(out_, {2, 3});
};

TEST_F(CheckerTest, ScoresInReachMustBeThere) {
  // Leaves out score number `out_of` of those that reach has left.
  struct Forgetful : Kernels {
    void run(const Operation& operation) override {
      const auto& scores = std::get<op::Scores>(operation);
      good.run(op::Matmul{{&scores.x, 1}, {&scores.weight, 1}, {&scores.out, 1}});
      scores.out.as<float>()[left_out] = -HUGE_VALF;
    }
    ReferenceKernels good;
    int left_out = 0;
  };
  std::vector<float> x{1, 1}, weight{1, 1, 5, 5, 9, 9}, scores(3);
  const op::Scores operation{view(x, {1, 2}), view(weight, {3, 2}), {.below_best = 9}, view(scores, {1, 3})};
  Forgetful inner;
  CheckedKernels checked(inner);
  checked.run(operation);
  inner.left_out = 1;
  const std::string message = failure_of([&] { checked.run(operation); });
  EXPECT_NE(message.find("scores: row 0, column 1"), std::string::npos) << message;
}

TEST_F(CheckerTest, EqualKernelsPassInPlaceToo) {
  ReferenceKernels inner;
  CheckedKernels checked(inner);
  checked.run(op::Add{a, b, out});
  checked.run(op::Add{a, b, a});
  EXPECT_EQ(a_, std::vector<float>(6, 7.0f));
  std::vector<float> qkv(4, 1.0f), keys(4), values(4), result(4);
  const StateRun run{0, 2, 0, view(keys, {2, 2}), view(values, {2, 2})};
  checked.run(op::Attention{view(qkv, {2, 2}),
                            view(qkv, {2, 2}),
                            view(qkv, {2, 2}),
                            {&run, 1},
                            {.n_heads = 1, .n_kv_heads = 1, .head_dim = 2},
                            view(result, {2, 2})});
  EXPECT_EQ(keys, qkv);
  const StateRun without_caches{.first_row = 0, .n_rows = 2};
  checked.run(op::Attention{view(qkv, {2, 2}),
                            view(qkv, {2, 2}),
                            view(qkv, {2, 2}),
                            {&without_caches, 1},
                            {.n_heads = 1, .n_kv_heads = 1, .head_dim = 2, .both_ways = true},
                            view(result, {2, 2})});
  EXPECT_EQ(result, qkv);
}

TEST_F(CheckerTest, ADifferenceIsNamedByOperationRowAndColumn) {
  FaultyKernels faulty;
  CheckedKernels checked(faulty);
  const std::string message = failure_of([&] { checked.run(op::Add{a, b, out}); });
  EXPECT_NE(message.find("add: row 1, column 2"), std::string::npos) << message;
}

TEST_F(CheckerTest, RowsThatWereNotAppendedAreNoticed) {
  FaultyKernels faulty;
  CheckedKernels checked(faulty);
  std::vector<float> qkv(4, 1.0f), keys(4), values(4), result(4);
  const StateRun run{0, 2, 0, view(keys, {2, 2}), view(values, {2, 2})};
  const std::string message = failure_of([&] {
    checked.run(op::Attention{view(qkv, {2, 2}),
                              view(qkv, {2, 2}),
                              view(qkv, {2, 2}),
                              {&run, 1},
                              {.n_heads = 1, .n_kv_heads = 1, .head_dim = 2},
                              view(result, {2, 2})});
  });
  EXPECT_NE(message.find("appended rows"), std::string::npos) << message;
}

TEST_F(CheckerTest, StatesOfRecurrentOperationsAreCompared) {
  // Continues a state of its own: the results are right, the state is not.
  class Forgetful : public Kernels {
   public:
    void run(const Operation& operation) override {
      op::PreviousRows elsewhere = std::get<op::PreviousRows>(operation);
      const StateRun& run = elsewhere.runs[0];
      std::vector<float> slot(run.slot.as<float>(), run.slot.as<float>() + run.slot.dim(0));
      const StateRun other{.n_rows = run.n_rows, .first_pos = run.first_pos, .slot = view(slot, run.slot.shape())};
      elsewhere.runs = {&other, 1};
      ReferenceKernels().run(elsewhere);
    }
  };
  std::vector<float> slot{7, 8, 9};
  const StateRun run{.n_rows = 2, .first_pos = 5, .slot = view(slot, {3})};
  const op::PreviousRows operation{a, {&run, 1}, {0, 3}, out};
  Forgetful forgetful;
  CheckedKernels noticing(forgetful);
  const std::string message = failure_of([&] { noticing.run(operation); });
  EXPECT_NE(message.find("previous_rows, state: row 0, column 0"), std::string::npos) << message;
  slot = {7, 8, 9};
  ReferenceKernels inner;
  CheckedKernels checked(inner);
  checked.run(operation);
  EXPECT_EQ(out_, (std::vector<float>{7, 8, 9, 1, 2, 3}));
  EXPECT_EQ(slot, (std::vector<float>{4, 5, 6}));
}

TEST_F(CheckerTest, TheReferenceReadsTheOriginalOfAnAdoptedWeight) {
  std::vector<float> half{0.5f, 1, 1.5f, 2, 2.5f, 3};
  const std::vector<int32_t> ids{1, 0};
  FaultyKernels faulty;
  CheckedKernels checked(faulty);
  EXPECT_NE(failure_of([&] { checked.run(op::Embed{a, ids, 1.0f, out}); }), "");
  checked.remember(view(half, {2, 3}), a);  // the faulty kernels double what they read
  EXPECT_EQ(failure_of([&] { checked.run(op::Embed{view(half, {2, 3}), ids, 1.0f, out}); }), "");
}

}  // namespace
}  // namespace tidemill
