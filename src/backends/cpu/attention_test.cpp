// Attention against the scalar reference, and the promise that a row's bits depend on its own sequence only.
#include "backends/cpu/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "backends/cpu/test_tensor.h"
#include "ops/reference.h"
#include "sys/allocation_counter.h"

namespace tidemill {
namespace {

struct Form {
  int64_t n_heads, n_kv_heads, head_dim, window;
  DType state;
  float soft_cap = 0;
  bool has_sinks = false;

  AttentionOptions options() const {
    return {.n_heads = n_heads,
            .n_kv_heads = n_kv_heads,
            .head_dim = head_dim,
            .scale = 1.0f / std::sqrt(static_cast<float>(head_dim)),
            .window = window,
            .soft_cap = soft_cap,
            .sinks = has_sinks ? sinks() : Tensor()};
  }
  // One for each head: some that take nearly all the weight, some that take nearly none.
  Tensor sinks() const {
    static const TestTensor values = TestTensor::random({64}, 99, 4.0f);
    return values.view().slice(0, 0, n_heads);
  }
  std::string name() const {
    return std::to_string(n_heads) + "x" + std::to_string(n_kv_heads) + "x" + std::to_string(head_dim) + " window " +
           std::to_string(window) + " " + std::string(info(state).name) + " cap " + std::to_string(soft_cap) +
           (has_sinks ? " sinks" : "");
  }
};

// A sequence with its caches: q, k and v of all its positions.
struct Sequence {
  Sequence(const Form& form, int64_t n_tokens, uint32_t seed, int64_t capacity = 0)
      : length(n_tokens),
        q(TestTensor::random({n_tokens, form.n_heads * form.head_dim}, seed)),
        k(TestTensor::random({n_tokens, form.n_kv_heads * form.head_dim}, seed + 1, 2.0f)),
        v(TestTensor::random({n_tokens, form.n_kv_heads * form.head_dim}, seed + 2)),
        keys({std::max(capacity, n_tokens), form.n_kv_heads * form.head_dim}, form.state),
        values({std::max(capacity, n_tokens), form.n_kv_heads * form.head_dim}, form.state),
        out({n_tokens, form.n_heads * form.head_dim}) {}

  int64_t length;
  TestTensor q, k, v, keys, values, out;
};

// A step: positions [begin, end) of one sequence.
struct Step {
  Sequence* sequence;
  int64_t begin, end;
};

TestTensor stack(const std::vector<Step>& steps, TestTensor Sequence::* part) {
  int64_t n_rows = 0;
  for (const Step& step : steps) n_rows += step.end - step.begin;
  const int64_t width = (steps[0].sequence->*part).view().dim(1);
  TestTensor stacked({n_rows, width});
  float* target = stacked.data();
  for (const Step& step : steps) {
    target = std::copy_n((step.sequence->*part).view().row<float>(step.begin), (step.end - step.begin) * width, target);
  }
  return stacked;
}

// One attention call over steps of several sequences; results land in their `out`.
template <typename Run>
void attend(const Run& run, const Form& form, const std::vector<Step>& steps) {
  const TestTensor q = stack(steps, &Sequence::q), k = stack(steps, &Sequence::k), v = stack(steps, &Sequence::v);
  TestTensor out(q.view().shape());
  std::vector<StateRun> runs;
  int64_t row = 0;
  for (const Step& step : steps) {
    runs.push_back({row, step.end - step.begin, step.begin, step.sequence->keys.view(), step.sequence->values.view()});
    row += step.end - step.begin;
  }
  run(op::Attention{q.view(), k.view(), v.view(), runs, form.options(), out.view()});
  const float* source = out.data();
  for (const Step& step : steps) {
    const int64_t n = (step.end - step.begin) * out.view().dim(1);
    std::copy_n(source, n, step.sequence->out.view().row<float>(step.begin));
    source += n;
  }
}

auto cpu(Attention& attention) {
  return [&](const op::Attention& operation) { attention.compute(operation); };
}
auto reference() {
  return [](const op::Attention& operation) { ReferenceKernels().run(operation); };
}

void expect_close(const Sequence& found, const Sequence& expected) {
  const int64_t n = found.out.view().n_elements();
  for (int64_t i = 0; i < n; ++i) {
    ASSERT_NEAR(found.out.view().as<float>()[i], expected.out.view().as<float>()[i], 2e-5f) << "element " << i;
  }
  EXPECT_TRUE(found.keys == expected.keys && found.values == expected.values);
}

const Form kForms[] = {
    {1, 1, 1, 0, DType::f32},         {4, 1, 256, 0, DType::f16},         {4, 1, 256, 37, DType::f16},
    {4, 2, 20, 0, DType::f32},        {6, 2, 20, 5, DType::f16},          {3, 3, 33, 0, DType::f16},
    {2, 1, 64, 1, DType::f32},        {8, 1, 80, 128, DType::f16},        {5, 1, 129, 0, DType::f32},
    {40, 1, 8, 0, DType::f16},        {2, 2, 300, 130, DType::f16},       {4, 2, 32, 0, DType::q8_0},
    {6, 2, 64, 9, DType::q8_0, 5.0f}, {2, 1, 256, 150, DType::q8_0},      {4, 2, 16, 7, DType::f32, 3.0f},
    {2, 1, 64, 0, DType::f16, 50.0f}, {4, 2, 16, 8, DType::f32, 0, true}, {3, 1, 24, 0, DType::f16, 2.0f, true},
};

TEST(AttentionTest, AgreesWithTheReferenceForPromptsAndDecodeSteps) {
  ThreadPool pool(2);
  Attention attention(pool);
  for (const Form& form : kForms) {
    for (const int64_t length : {1, 17, 150, 300}) {
      SCOPED_TRACE(form.name() + " length " + std::to_string(length));
      Sequence found(form, length, 7), expected(form, length, 7);
      attend(reference(), form, {{&expected, 0, length}});
      attend(cpu(attention), form, {{&found, 0, length - length / 3}});
      for (int64_t pos = length - length / 3; pos < length; ++pos) {
        attend(cpu(attention), form, {{&found, pos, pos + 1}});
      }
      expect_close(found, expected);
    }
  }
}

TEST(AttentionTest, BitsDoNotDependOnThreadsOrOnHowThePromptWasCut) {
  ThreadPool one(1);
  Attention alone(one);
  for (const Form& form : kForms) {
    SCOPED_TRACE(form.name());
    const int64_t length = 300;
    Sequence expected(form, length, 11);
    attend(cpu(alone), form, {{&expected, 0, length}});
    std::mt19937 random(5);
    for (int n_threads = 1; n_threads <= 4; ++n_threads) {
      ThreadPool pool(n_threads);
      Attention attention(pool);
      Sequence whole(form, length, 11, 700), pieces(form, length, 11), single(form, length, 11, 1000);
      attend(cpu(attention), form, {{&whole, 0, length}});
      EXPECT_TRUE(whole.out == expected.out) << n_threads << " threads";
      for (int64_t begin = 0; begin < length;) {
        const int64_t end = std::min<int64_t>(length, begin + 1 + random() % 90);
        attend(cpu(attention), form, {{&pieces, begin, end}});
        begin = end;
      }
      EXPECT_TRUE(pieces.out == expected.out) << n_threads << " threads, in pieces";
      for (int64_t pos = 0; pos < length; ++pos) attend(cpu(attention), form, {{&single, pos, pos + 1}});
      EXPECT_TRUE(single.out == expected.out) << n_threads << " threads, one by one";
    }
  }
}

TEST(AttentionTest, BitsDoNotDependOnWhoSharesTheBatch) {
  ThreadPool pool(2);
  Attention attention(pool);
  for (const Form& form : kForms) {
    SCOPED_TRACE(form.name());
    std::vector<Sequence> together, alone;
    for (uint32_t i = 0; i < 5; ++i) {
      together.emplace_back(form, 60 * i + 3, 100 * i);
      alone.emplace_back(form, 60 * i + 3, 100 * i);
      attend(cpu(attention), form, {{&alone[i], 0, alone[i].length}});
    }
    // A prompt and decode steps in one call, in this order and the other.
    const auto at = [&](size_t i, int64_t begin, int64_t end) { return Step{&together[i], begin, end}; };
    attend(cpu(attention), form, {at(0, 0, 2), at(2, 0, 122), at(4, 0, 100), at(1, 0, 62)});
    attend(cpu(attention), form, {at(1, 62, 63), at(4, 100, 242), at(3, 0, 183), at(2, 122, 123), at(0, 2, 3)});
    attend(cpu(attention), form, {at(4, 242, 243)});
    for (size_t i = 0; i < together.size(); ++i) EXPECT_TRUE(together[i].out == alone[i].out) << "sequence " << i;
  }
}

// Pages that lie in no order and hold keys behind values give the bits of caches in one piece.
TEST(AttentionTest, BitsDoNotDependOnPages) {
  constexpr int64_t kLength = 2 * kPageRows + 44, kFirst = kPageRows - 3, kPages = 3;
  for (const DType state : {DType::f32, DType::f16, DType::q8_0}) {
    const Form form{4, 2, 32, 0, state};
    ThreadPool pool(2);
    Attention attention(pool);
    Sequence whole(form, kLength, 21);
    attend(cpu(attention), form, {{&whole, 0, kFirst}});
    attend(cpu(attention), form, {{&whole, kFirst, kLength}});

    TestTensor memory({kPages * 2 * kPageRows, 64}, state);
    std::byte* const pages[kPages] = {memory.view().row<std::byte>(4 * kPageRows), memory.view().row<std::byte>(0),
                                      memory.view().row<std::byte>(2 * kPageRows)};
    const PagedRows values(pages, 0, state, kLength, 64);
    const PagedRows keys(pages, kPageRows * values.row_bytes(), state, kLength, 64);
    TestTensor out({kLength, 128});
    for (const auto& [begin, end] : {std::pair(int64_t{0}, kFirst), std::pair(kFirst, kLength)}) {
      const StateRun run{.n_rows = end - begin, .first_pos = begin, .keys = keys, .values = values};
      const auto rows = [&](const TestTensor& all) { return all.view().slice(0, begin, end); };
      attention.compute({rows(whole.q), rows(whole.k), rows(whole.v), {&run, 1}, form.options(), rows(out)});
    }
    EXPECT_TRUE(out == whole.out) << form.name();
  }
}

TEST(AttentionTest, LargeScoresNeitherOverflowNorVanish) {
  const Form form{2, 1, 16, 0, DType::f32};
  ThreadPool pool(1);
  Attention attention(pool);
  Sequence found(form, 200, 3), expected(form, 200, 3);
  for (Sequence* sequence : {&found, &expected}) {
    for (int64_t i = 0; i < sequence->q.view().n_elements(); ++i) sequence->q.data()[i] *= 100.0f;
  }
  attend(cpu(attention), form, {{&found, 0, 200}});
  attend(reference(), form, {{&expected, 0, 200}});
  for (int64_t i = 0; i < found.out.view().n_elements(); ++i) {
    ASSERT_NEAR(found.out.data()[i], expected.out.data()[i], 2e-3f);  // scores of 1000 have an error of 1e-4 in f32
  }
}

TEST(AttentionTest, AStateOfF16Saturates) {
  const Form form{1, 1, 3, 0, DType::f16};
  ThreadPool pool(1);
  Attention attention(pool);
  Sequence found(form, 2, 3), expected(form, 2, 3);
  for (Sequence* sequence : {&found, &expected}) {
    sequence->v.data()[1] = 1e6f;
    sequence->v.data()[5] = -1e30f;
  }
  attend(cpu(attention), form, {{&found, 0, 2}});
  attend(reference(), form, {{&expected, 0, 2}});
  EXPECT_TRUE(found.values == expected.values);
  EXPECT_EQ(found.out.data()[1], 65504.0f);
}

TEST(AttentionTest, AllocatesNothingWhileTheContextGrows) {
  ThreadPool pool(2);
  Attention attention(pool);
  const Form form{4, 1, 32, 0, DType::f16};
  const TestTensor q({1, 128}), kv({1, 32}), keys({2000, 32}, form.state), values({2000, 32}, form.state),
      out({1, 128});
  const auto step = [&](int64_t pos) {
    const StateRun run{0, 1, pos, keys.view(), values.view()};
    attention.compute(op::Attention{q.view(), kv.view(), kv.view(), {&run, 1}, form.options(), out.view()});
  };
  step(0);
  step(200);
  const int64_t heap = allocation_count(), system = Storage::total_bytes();
  for (int64_t pos = 201; pos < 2000; pos += 100) step(pos);
  EXPECT_EQ(allocation_count(), heap);
  EXPECT_EQ(Storage::total_bytes(), system);
}

TEST(AttentionTest, NoRowsIsNoWork) {
  const Form form{2, 1, 4, 0, DType::f32};
  ThreadPool pool(2);
  Attention attention(pool);
  const TestTensor q({0, 8}), kv({0, 4}), out({0, 8});
  EXPECT_NO_THROW(attention.compute(op::Attention{q.view(), kv.view(), kv.view(), {}, form.options(), out.view()}));
}

}  // namespace
}  // namespace tidemill
