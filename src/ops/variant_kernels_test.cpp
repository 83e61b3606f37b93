// Rows of a batch that belong to several fine-tunes: each row gets the bits that it gets where all are of its own, and
// what nobody has replaced is computed once.
#include "ops/variant_kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <vector>

#include "ops/reference.h"

namespace tidemill {
namespace {

constexpr int64_t kRows = 7, kWidth = 8, kOut = 6;

// Memory of tensors with random numbers.
class Tensors {
 public:
  Tensor make(const Shape& shape) {
    std::vector<float>& values = memory_.emplace_back(static_cast<size_t>(shape.n_elements()));
    for (float& value : values) value = std::uniform_real_distribution<float>(0.1f, 1)(random_);
    return {values.data(), DType::f32, shape};
  }

 private:
  std::mt19937 random_{5};
  std::deque<std::vector<float>> memory_;
};

class Versions final : public WeightVersions {
 public:
  bool replaces(const Tensor& weight) const override { return own_.contains(weight.data()); }
  HeldWeight find(const Tensor& weight) override { return {.tensor = own_.at(weight.data()), .memory = nullptr}; }
  void put(const Tensor& weight, const Tensor& version) { own_[weight.data()] = version; }

 private:
  std::map<const void*, Tensor> own_;
};

// Counts the calls that reach the reference.
class CountingKernels final : public Kernels {
 public:
  void run(const Operation& operation) override {
    ++n_calls;
    inner_.run(operation);
  }
  int n_calls = 0;

 private:
  ReferenceKernels inner_;
};

class VariantKernelsTest : public testing::Test {
 protected:
  // Rows of fine-tune 1, of the base, and of fine-tune 2, which leaves most weights alone.
  VariantKernelsTest() { kernels.set_rows(rows); }

  // A weight that fine-tune 1 replaces, and fine-tune 2 if `both` do.
  Tensor weight(const Shape& shape, bool both = true) {
    const Tensor base = tensors.make(shape);
    first.put(base, tensors.make(shape));
    if (both) second.put(base, tensors.make(shape));
    return base;
  }

  // Runs an operation that `run` makes of kernels and what it writes, split and for each fine-tune alone, and compares
  // row by row; `out` and what the operation continues, `state`, are put back in between.
  void compare(const std::vector<Tensor>& outs, const std::function<void(Kernels&)>& run, const Tensor& state = {}) {
    const std::vector<float> before = values_of(state);
    kernels.set_rows(rows);
    run(kernels);
    std::vector<std::vector<float>> found;
    for (const Tensor& one : outs) found.push_back(values_of(one));
    const std::vector<float> found_state = values_of(state);
    int64_t begin = 0;
    for (const VariantRows& some : rows) {
      std::ranges::copy(before, state.as<float>());
      kernels.set_rows(std::array{VariantRows{.versions = some.versions, .n_rows = kRows}});
      run(kernels);
      for (size_t index = 0; index < outs.size(); ++index) {
        const std::vector<float> alone = values_of(outs[index]);
        const auto each = alone.size() / kRows;
        for (size_t at = static_cast<size_t>(begin) * each; at < static_cast<size_t>(begin + some.n_rows) * each; ++at)
          ASSERT_EQ(found[index][at], alone[at]) << "result " << index << ", number " << at;
      }
      if (!state.empty()) {
        const std::vector<float> alone = values_of(state);
        const size_t each = alone.size() / rows.size(), first_number = static_cast<size_t>(&some - rows.data()) * each;
        for (size_t at = first_number; at < first_number + each; ++at) ASSERT_EQ(found_state[at], alone[at]);
      }
      begin += some.n_rows;
    }
  }

  static std::vector<float> values_of(const Tensor& tensor) {
    if (tensor.empty()) return {};
    return {tensor.as<float>(), tensor.as<float>() + tensor.n_elements()};
  }

  // A sequence for each stretch of rows, with a slot of `size` numbers.
  std::vector<StateRun> runs(const Tensor& slots) {
    std::vector<StateRun> all;
    int64_t begin = 0;
    for (const VariantRows& some : rows) {
      const Tensor slot(slots.row<float>(std::ssize(all)), DType::f32, {slots.dim(1)});
      all.push_back(
          {.first_row = begin, .n_rows = some.n_rows, .first_pos = 3, .keys = {}, .values = {}, .slot = slot});
      begin += some.n_rows;
    }
    return all;
  }

  Tensors tensors;
  Versions first, second;
  const std::array<VariantRows, 3> rows{
      {{.versions = &first, .n_rows = 2}, {.versions = nullptr, .n_rows = 4}, {.versions = &second, .n_rows = 1}}};
  CountingKernels inner;
  VariantKernels kernels{inner};
  const Tensor x = tensors.make({kRows, kWidth}), out = tensors.make({kRows, kWidth});
};

TEST_F(VariantKernelsTest, Norms) {
  const Tensor w = weight({kWidth}), b = weight({kWidth}, false), heads = weight({kWidth / 2});
  compare({out}, [&](Kernels& run) { run.run(op::RmsNorm{x, w, 1e-6f, out}); });
  compare({out}, [&](Kernels& run) { run.run(op::LayerNorm{x, w, b, 1e-6f, out, 2}); });
  compare({out}, [&](Kernels& run) { run.run(op::L2Norm{x, w, 1e-6f, out}); });
  const Tensor split = x.reshape({2 * kRows, kWidth / 2}), split_out = out.reshape({2 * kRows, kWidth / 2});
  compare({out}, [&](Kernels& run) { run.run(op::RmsNorm{split, heads, 1e-6f, split_out}); });
  compare({out}, [&](Kernels& run) { run.run(op::AddRow{x, w, out}); });
}

TEST_F(VariantKernelsTest, Products) {
  const std::array weights{weight({kOut, kWidth}), tensors.make({kOut, kWidth}), weight({kOut, kWidth}, false)};
  const std::array biases{weight({kOut}), Tensor(), Tensor()};
  const std::array outs{tensors.make({kRows, kOut}), tensors.make({kRows, kOut}), tensors.make({kRows, kOut})};
  const std::vector<Tensor> all(outs.begin(), outs.end());
  compare(all, [&](Kernels& run) { run.run(op::Matmul{{&x, 1}, weights, outs}); });
  const std::array xs{x, tensors.make({kRows, kWidth}), tensors.make({kRows, kWidth})};
  compare(all, [&](Kernels& run) { run.run(op::Matmul{xs, weights, outs}); });
  compare(all, [&](Kernels& run) { run.run(op::Project{x, weights, biases, Activation::gelu, outs}); });
}

TEST_F(VariantKernelsTest, WhatNobodyReplacesRunsOnce) {
  const std::array weights{weight({kOut, kWidth}, false), tensors.make({kOut, kWidth})};
  const std::array outs{tensors.make({kRows, kOut}), tensors.make({kRows, kOut})};
  kernels.run(op::Matmul{{&x, 1}, std::span(weights).last(1), std::span(outs).last(1)});
  EXPECT_EQ(inner.n_calls, 1);
  kernels.run(op::Matmul{{&x, 1}, weights, outs});
  EXPECT_EQ(inner.n_calls, 4) << "one by the weight of all, one by fine-tune 1's, one by that of all others";
  kernels.run(op::Add{x, x, out});
  EXPECT_EQ(inner.n_calls, 5);
}

TEST_F(VariantKernelsTest, Embeddings) {
  const Tensor table = weight({20, kWidth});
  const std::vector<int32_t> ids{1, 5, 1, 19, 0, 3, 5};
  compare({out}, [&](Kernels& run) { run.run(op::Embed{table, ids, 2, out}); });
}

TEST_F(VariantKernelsTest, RowsThatWereGatheredKeepTheirFineTunes) {
  const Tensor w = weight({kWidth});
  const std::vector<int32_t> chosen{1, 2, 5, 6};
  const Tensor gathered = tensors.make({4, kWidth}), normed = tensors.make({4, kWidth});
  kernels.run(op::GatherRows{x, chosen, gathered});
  kernels.run(op::RmsNorm{gathered, w, 1e-6f, normed});
  const std::vector<float> found = values_of(normed);
  for (size_t row = 0; row < chosen.size(); ++row) {
    const std::array<WeightVersions*, 4> whose{&first, nullptr, nullptr, &second};
    kernels.set_rows(std::array{VariantRows{.versions = whose[row], .n_rows = 4}});
    kernels.run(op::RmsNorm{gathered, w, 1e-6f, normed});
    const std::vector<float> alone = values_of(normed);
    for (size_t at = row * kWidth; at < (row + 1) * kWidth; ++at) EXPECT_EQ(found[at], alone[at]);
  }
}

TEST_F(VariantKernelsTest, Experts) {
  std::vector<int32_t> chosen{0, 1, 2, 0, 1, 2, 0, 2, 2, 1, 1, 0, 0, 1};
  const Tensor ids(chosen.data(), DType::i32, {kRows, 2});
  const std::array experts{weight({kOut, kWidth}), tensors.make({kOut, kWidth}), weight({kOut, kWidth}, false)};
  const std::array biases{tensors.make({kOut}), weight({kOut}), tensors.make({kOut})};
  const Tensor products = tensors.make({2 * kRows, kOut}), wide = tensors.make({2 * kRows, kWidth});
  compare({products}, [&](Kernels& run) { run.run(op::ExpertMatmul{x, ids, experts, biases, products}); });
  compare({products}, [&](Kernels& run) { run.run(op::ExpertMatmul{wide, ids, experts, {}, products}); });
}

TEST_F(VariantKernelsTest, MixturesWithSharesOfAllRowsOrOfEach) {
  const Tensor y = tensors.make({kRows, kWidth}), second_out = tensors.make({kRows, kWidth});
  const std::array shares{weight({kWidth}), tensors.make({kRows, kWidth})};
  const std::array outs{out, second_out};
  compare({out, second_out}, [&](Kernels& run) { run.run(op::Lerp{x, y, shares, outs}); });
}

TEST_F(VariantKernelsTest, Recurrences) {
  const auto row = [&](int64_t width) { return tensors.make({kRows, width}); };
  const Tensor slots = tensors.make({3, 64});
  const std::vector<StateRun> all = runs(slots);
  const Tensor conv = weight({3, kWidth}), bias = weight({kWidth}, false);
  compare({out}, [&](Kernels& run) { run.run(op::CausalConv{x, conv, bias, all, {0, 2 * kWidth}, out}); }, slots);
  const Tensor decay = weight({kWidth}), bonus = weight({kWidth});
  const Tensor k = row(kWidth), v = row(kWidth), r = row(kWidth), decays = row(kWidth);
  compare({out}, [&](Kernels& run) { run.run(op::Wkv4{k, v, decay, bonus, all, {0, 3 * kWidth}, out}); }, slots);
  const SlotPart part{0, kWidth * kWidth / 2};
  compare({out}, [&](Kernels& run) { run.run(op::Wkv{r, k, v, decay, bonus, all, 2, part, out}); }, slots);
  compare({out}, [&](Kernels& run) { run.run(op::Wkv{r, k, v, decays, bonus, all, 2, part, out}); }, slots);
  compare({out}, [&](Kernels& run) { run.run(op::HeadBonus{x, r, k, v, bonus, 2, out}); });
  const Tensor a = weight({2}), skip = weight({2}, false), step = row(2), rate = row(2);
  const ScanOptions scan{.n_heads = 2, .head_dim = kWidth / 2, .n_groups = 1, .state_size = 4};
  const Tensor b = row(4), c = row(4);
  compare(
      {out}, [&](Kernels& run) { run.run(op::SelectiveScan{x, step, a, b, c, skip, all, scan, {0, kWidth * 4}, out}); },
      slots);
  compare({out}, [&](Kernels& run) { run.run(op::GatedDeltaRule{r, k, v, step, a, rate, all, 2, part, out}); }, slots);
}

TEST_F(VariantKernelsTest, AttentionWithSinks) {
  const Tensor sinks = weight({2}), k = tensors.make({kRows, kWidth}), v = tensors.make({kRows, kWidth});
  std::vector<StateRun> whole;
  int64_t begin = 0;
  for (const VariantRows& some : rows) {
    whole.push_back({.first_row = begin, .n_rows = some.n_rows});
    begin += some.n_rows;
  }
  const AttentionOptions options{.n_heads = 2, .n_kv_heads = 2, .head_dim = kWidth / 2, .sinks = sinks};
  compare({out}, [&](Kernels& run) { run.run(op::Attention{x, k, v, whole, options, out}); });
}

TEST_F(VariantKernelsTest, OtherRowsAreAMistakeOfOurs) {
  const Tensor w = weight({kWidth}), odd = tensors.make({kRows + 1, kWidth});
  EXPECT_THROW(kernels.run(op::RmsNorm{odd, w, 1e-6f, odd}), Error);
}

}  // namespace
}  // namespace tidemill
