// The checker lets equal kernels pass and names operation and position when they differ.
#include "ops/checker.h"

#include <gtest/gtest.h>

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
  void embed(const Tensor& table, std::span<const int32_t> ids, float scale, Tensor out) override {
    good_.embed(table, ids, 2 * scale, out);
  }
  void gather_rows(const Tensor& x, std::span<const int32_t> rows, Tensor out) override {
    good_.gather_rows(x, rows, out);
  }
  void rms_norm(const Tensor& x, const Tensor& weight, float eps, Tensor out) override {
    good_.rms_norm(x, weight, eps, out);
  }
  void matmul(const Tensor& x, std::span<const Tensor> weights, std::span<const Tensor> outs) override {
    good_.matmul(x, weights, outs);
  }
  void add(const Tensor& a, const Tensor& b, Tensor out) override {
    good_.add(a, b, out);
    out.as<float>()[5] += 0.01f;
  }
  void gelu_mul(const Tensor& gate, const Tensor& up, Tensor out) override { good_.gelu_mul(gate, up, out); }
  void rope_table(std::span<const int32_t> positions, const Tensor& inv_freq, Tensor out) override {
    good_.rope_table(positions, inv_freq, out);
  }
  void rope(const Tensor& x, const Tensor& table, Tensor out) override { good_.rope(x, table, out); }
  void attention(const Tensor& q, const Tensor& k, const Tensor& v, std::span<const KvRun>,
                 const AttentionOptions& options, Tensor out) override {
    std::vector<float> keys(4), values(4);
    const KvRun elsewhere{0, 2, 0, view(keys, {2, 2}), view(values, {2, 2})};
    good_.attention(q, k, v, {&elsewhere, 1}, options, out);
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

TEST_F(CheckerTest, EqualKernelsPassInPlaceToo) {
  ReferenceKernels inner;
  CheckedKernels checked(inner);
  checked.add(a, b, out);
  checked.add(a, b, a);
  EXPECT_EQ(a_, std::vector<float>(6, 7.0f));
  std::vector<float> qkv(4, 1.0f), keys(4), values(4), result(4);
  const KvRun run{0, 2, 0, view(keys, {2, 2}), view(values, {2, 2})};
  checked.attention(view(qkv, {2, 2}), view(qkv, {2, 2}), view(qkv, {2, 2}), {&run, 1},
                    {.n_heads = 1, .n_kv_heads = 1, .head_dim = 2}, view(result, {2, 2}));
  EXPECT_EQ(keys, qkv);
}

TEST_F(CheckerTest, ADifferenceIsNamedByOperationRowAndColumn) {
  FaultyKernels faulty;
  CheckedKernels checked(faulty);
  const std::string message = failure_of([&] { checked.add(a, b, out); });
  EXPECT_NE(message.find("add: row 1, column 2"), std::string::npos) << message;
}

TEST_F(CheckerTest, RowsThatWereNotAppendedAreNoticed) {
  FaultyKernels faulty;
  CheckedKernels checked(faulty);
  std::vector<float> qkv(4, 1.0f), keys(4), values(4), result(4);
  const KvRun run{0, 2, 0, view(keys, {2, 2}), view(values, {2, 2})};
  const std::string message = failure_of([&] {
    checked.attention(view(qkv, {2, 2}), view(qkv, {2, 2}), view(qkv, {2, 2}), {&run, 1},
                      {.n_heads = 1, .n_kv_heads = 1, .head_dim = 2}, view(result, {2, 2}));
  });
  EXPECT_NE(message.find("appended rows"), std::string::npos) << message;
}

TEST_F(CheckerTest, TheReferenceReadsTheOriginalOfAnAdoptedWeight) {
  std::vector<float> half{0.5f, 1, 1.5f, 2, 2.5f, 3};
  const std::vector<int32_t> ids{1, 0};
  FaultyKernels faulty;
  CheckedKernels checked(faulty);
  EXPECT_NE(failure_of([&] { checked.embed(a, ids, 1.0f, out); }), "");
  checked.remember(view(half, {2, 3}), a);  // the faulty kernels double what they read
  EXPECT_EQ(failure_of([&] { checked.embed(view(half, {2, 3}), ids, 1.0f, out); }), "");
}

}  // namespace
}  // namespace tidemill
