// Attention over whole sequences, which have no caches: both ways, with windows and with a bias by distance.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "backends/cpu/attention.h"
#include "backends/cpu/test_tensor.h"
#include "ops/reference.h"

namespace tidemill {
namespace {

struct Form {
  int64_t n_heads, n_kv_heads, head_dim, window;
  bool both_ways = true;
  int64_t farthest = 0;  // of the distance bias; 0: none
  float soft_cap = 0;

  AttentionOptions options() const {
    static const TestTensor numbers = TestTensor::random({1 << 12}, 5, 3.0f);
    const int64_t n_distances = 2 * farthest + 1;
    return {.n_heads = n_heads,
            .n_kv_heads = n_kv_heads,
            .head_dim = head_dim,
            .scale = 1.0f / std::sqrt(static_cast<float>(head_dim)),
            .window = window,
            .both_ways = both_ways,
            .soft_cap = soft_cap,
            .distance_bias = farthest == 0
                                 ? Tensor()
                                 : numbers.view().slice(0, 0, n_distances * n_heads).reshape({n_distances, n_heads})};
  }
  std::string name() const {
    return std::to_string(n_heads) + "x" + std::to_string(n_kv_heads) + "x" + std::to_string(head_dim) + " window " +
           std::to_string(window) + (both_ways ? " both ways" : " back only") + " bias " + std::to_string(farthest);
  }
};

const Form kForms[] = {
    {4, 4, 12, 0},           {12, 12, 32, 0},
    {6, 2, 20, 5},           {3, 3, 33, 129},
    {4, 4, 16, 0, true, 24}, {3, 3, 24, 9, true, 4, 2.0f},
    {4, 2, 16, 0, false},    {2, 1, 40, 7, false, 3},
    {2, 2, 64, 1},           {8, 1, 16, 70, true, 200},
};
const int64_t kLengths[] = {1, 40, 128, 300, 17};

// The rows of sequences of these lengths, one after the other, and one run for each.
struct Rows {
  Rows(const Form& form, std::span<const int64_t> lengths, uint32_t seed) {
    for (const int64_t length : lengths) {
      runs.push_back({.first_row = n_rows, .n_rows = length});
      n_rows += length;
    }
    q = TestTensor::random({n_rows, form.n_heads * form.head_dim}, seed);
    k = TestTensor::random({n_rows, form.n_kv_heads * form.head_dim}, seed + 1, 2.0f);
    v = TestTensor::random({n_rows, form.n_kv_heads * form.head_dim}, seed + 2);
    out = TestTensor({n_rows, form.n_heads * form.head_dim});
  }
  op::Attention operation(const Form& form) const {
    return {q.view(), k.view(), v.view(), runs, form.options(), out.view()};
  }
  // The same with the runs [begin, end) only, from their first row on.
  op::Attention part(const Form& form, size_t begin, size_t end, std::vector<StateRun>& moved, const Tensor& to) const {
    const int64_t first = runs[begin].first_row, last = runs[end - 1].first_row + runs[end - 1].n_rows;
    moved.assign(runs.begin() + static_cast<std::ptrdiff_t>(begin), runs.begin() + static_cast<std::ptrdiff_t>(end));
    for (StateRun& run : moved) run.first_row -= first;
    const auto rows = [&](const Tensor& all) { return all.slice(0, first, last); };
    return {rows(q.view()), rows(k.view()), rows(v.view()), moved, form.options(), rows(to)};
  }

  int64_t n_rows = 0;
  std::vector<StateRun> runs;
  TestTensor q{Shape{0}}, k{Shape{0}}, v{Shape{0}}, out{Shape{0}};
};

TEST(WholeAttentionTest, AgreesWithTheReference) {
  ThreadPool pool(2);
  Attention attention(pool);
  for (const Form& form : kForms) {
    SCOPED_TRACE(form.name());
    const Rows found(form, kLengths, 7), expected(form, kLengths, 7);
    attention.compute(found.operation(form));
    ReferenceKernels().run(expected.operation(form));
    for (int64_t i = 0; i < found.out.view().n_elements(); ++i) {
      ASSERT_NEAR(found.out.view().as<float>()[i], expected.out.view().as<float>()[i], 2e-5f) << "element " << i;
    }
  }
}

TEST(WholeAttentionTest, BitsDoNotDependOnThreadsOrOnWhoSharesTheBatch) {
  for (const Form& form : kForms) {
    SCOPED_TRACE(form.name());
    const Rows rows(form, kLengths, 3);
    ThreadPool one(1);
    Attention alone(one);
    std::vector<StateRun> moved;
    for (size_t i = 0; i < rows.runs.size(); ++i) {
      alone.compute(rows.part(form, i, i + 1, moved, rows.out.view()));
    }
    for (int n_threads = 1; n_threads <= 4; ++n_threads) {
      ThreadPool pool(n_threads);
      Attention attention(pool);
      const Rows together(form, kLengths, 3);
      attention.compute(together.operation(form));
      EXPECT_TRUE(together.out == rows.out) << n_threads << " threads";
      const TestTensor by_one(rows.out.view().shape());
      for (size_t i = 0; i < rows.runs.size(); ++i) {
        attention.compute(rows.part(form, i, i + 1, moved, by_one.view()));
      }
      EXPECT_TRUE(by_one == rows.out) << n_threads << " threads, one by one";
    }
  }
}

TEST(WholeAttentionTest, RunsWithAndWithoutCachesGiveTheSameBits) {
  const Form form{4, 2, 16, 0, false};
  ThreadPool pool(2);
  Attention attention(pool);
  const Rows without(form, kLengths, 9);
  Rows some(form, kLengths, 9);
  attention.compute(without.operation(form));
  std::vector<TestTensor> caches;
  for (size_t i = 0; i < some.runs.size(); i += 2) {
    for (PagedRows StateRun::* cache : {&StateRun::keys, &StateRun::values}) {
      some.runs[i].*cache = caches.emplace_back(Shape{some.runs[i].n_rows + 3, 32}).view();
    }
  }
  attention.compute(some.operation(form));
  EXPECT_TRUE(some.out == without.out);
}

}  // namespace
}  // namespace tidemill
