// Recurrent operations against the scalar reference, and the promise that a row's bits depend on its own sequence only.
#include "backends/cpu/recurrent.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "backends/cpu/test_tensor.h"
#include "ops/reference.h"
#include "sys/allocation_counter.h"
#include "tensor/storage.h"

namespace tidemill {
namespace {

// What numbers a row of an input holds.
enum class Range { normal, share, small };

struct Input {
  int64_t width;
  Range range = Range::normal;

  TestTensor random(int64_t n_rows, uint32_t seed) const {
    TestTensor tensor = TestTensor::random({n_rows, width}, seed);
    for (int64_t i = 0; i < n_rows * width; ++i) {
      float& number = tensor.data()[i];
      if (range == Range::share) number = 1 / (1 + std::exp(-number));
      if (range == Range::small) number *= 0.5f / std::sqrt(static_cast<float>(width));
    }
    return tensor;
  }
};

// An operation of certain sizes over certain weights.
struct Form {
  std::string name;
  std::vector<Input> inputs;
  int64_t state_size;
  // Runs it over rows of the inputs.
  using Run = std::function<void(const Operation&)>;
  std::function<void(const Run&, std::span<const TestTensor>, std::span<const StateRun>, const SlotPart&,
                     const Tensor&)>
      apply;
};

constexpr int64_t kSlotBegin = 3;  // where an operation's part of the slot begins

Form previous_rows(int64_t width) {
  return {"previous_rows " + std::to_string(width),
          {{width}},
          width,
          [](const Form::Run& run, auto in, auto runs, const SlotPart& part, const Tensor& out) {
            run(op::PreviousRows{in[0].view(), runs, part, out});
          }};
}

Form causal_conv(int64_t width, int64_t kernel, bool has_bias) {
  const auto weight = std::make_shared<TestTensor>(TestTensor::random({kernel, width}, 1));
  const auto bias = std::make_shared<TestTensor>(TestTensor::random({width}, 2));
  return {"causal_conv " + std::to_string(width) + " by " + std::to_string(kernel),
          {{width}},
          (kernel - 1) * width,
          [=](const Form::Run& run, auto in, auto runs, const SlotPart& part, const Tensor& out) {
            run(op::CausalConv{in[0].view(), weight->view(), has_bias ? bias->view() : Tensor(), runs, part, out});
          }};
}

Form selective_scan(const ScanOptions& options, bool has_one_decay) {
  const int64_t width = options.n_heads * options.head_dim, size = options.state_size;
  const auto a = std::make_shared<TestTensor>(
      TestTensor::random(has_one_decay ? Shape{options.n_heads} : Shape{size, options.n_heads}, 1));
  for (int64_t i = 0; i < a->view().n_elements(); ++i) a->data()[i] = -std::exp(a->data()[i]);
  const auto skip = std::make_shared<TestTensor>(TestTensor::random({options.n_heads}, 2));
  const int64_t shared = options.n_groups * size;
  return {"selective_scan " + std::to_string(width) + " by " + std::to_string(size),
          {{width}, {options.n_heads, Range::share}, {shared}, {shared}},
          width * size,
          [=](const Form::Run& run, auto in, auto runs, const SlotPart& part, const Tensor& out) {
            run(op::SelectiveScan{in[0].view(), in[1].view(), a->view(), in[2].view(), in[3].view(), skip->view(), runs,
                                  options, part, out});
          }};
}

Form wkv4(int64_t width) {
  const auto decay = std::make_shared<TestTensor>(TestTensor::random({width}, 1));
  for (int64_t i = 0; i < width; ++i) decay->data()[i] = -std::exp(decay->data()[i]);
  const auto bonus = std::make_shared<TestTensor>(TestTensor::random({width}, 2));
  return {"wkv4 " + std::to_string(width),
          {{width}, {width}},
          3 * width,
          [=](const Form::Run& run, auto in, auto runs, const SlotPart& part, const Tensor& out) {
            run(op::Wkv4{in[0].view(), in[1].view(), decay->view(), bonus->view(), runs, part, out});
          }};
}

// One decay and bonus for each of `n_numbers`: heads or channels; 0: a decay for each row and channel.
Form wkv(int64_t n_heads, int64_t head_dim, int64_t n_numbers) {
  const int64_t width = n_heads * head_dim;
  const auto bonus = std::make_shared<TestTensor>(TestTensor::random({n_numbers == 0 ? width : n_numbers}, 2));
  const auto decay = std::make_shared<TestTensor>(Input{n_numbers, Range::share}.random(1, 1));
  return {"wkv " + std::to_string(n_heads) + " by " + std::to_string(head_dim) + ", " + std::to_string(n_numbers),
          {{width}, {width}, {width}, {width, Range::share}},
          width * head_dim,
          [=](const Form::Run& run, auto in, auto runs, const SlotPart& part, const Tensor& out) {
            const Tensor decays = n_numbers == 0 ? in[3].view() : decay->view().reshape({n_numbers});
            run(op::Wkv{in[0].view(), in[1].view(), in[2].view(), decays, bonus->view(), runs, n_heads, part, out});
          }};
}

Form delta_rule(int64_t n_heads, int64_t head_dim) {
  const int64_t width = n_heads * head_dim;
  return {"delta_rule " + std::to_string(n_heads) + " by " + std::to_string(head_dim),
          {{width}, {width, Range::share}, {width}, {width}, {width, Range::small}, {width, Range::small}},
          width * head_dim,
          [=](const Form::Run& run, auto in, auto runs, const SlotPart& part, const Tensor& out) {
            run(op::DeltaRule{in[0].view(), in[1].view(), in[2].view(), in[3].view(), in[4].view(), in[5].view(), runs,
                              n_heads, part, out});
          }};
}

Form gated_delta_rule(int64_t n_key_heads, int64_t key_dim, int64_t n_heads, int64_t value_dim) {
  const auto a = std::make_shared<TestTensor>(TestTensor::random({n_heads}, 1));
  for (int64_t i = 0; i < n_heads; ++i) a->data()[i] = -std::exp(a->data()[i]);
  const int64_t d_keys = n_key_heads * key_dim, d_values = n_heads * value_dim;
  return {
      "gated_delta_rule " + std::to_string(d_keys) + " by " + std::to_string(d_values),
      {{d_values}, {d_keys, Range::small}, {d_keys, Range::small}, {n_heads, Range::share}, {n_heads, Range::share}},
      d_values * key_dim,
      [=](const Form::Run& run, auto in, auto runs, const SlotPart& part, const Tensor& out) {
        run(op::GatedDeltaRule{in[1].view(), in[2].view(), in[0].view(), in[3].view(), a->view(), in[4].view(), runs,
                               n_key_heads, part, out});
      }};
}

const std::vector<Form>& forms() {
  static const std::vector<Form> all = {
      previous_rows(1),
      previous_rows(200),
      causal_conv(80, 4, true),
      causal_conv(131, 3, false),
      causal_conv(7, 1, true),
      selective_scan({.n_heads = 80, .head_dim = 1, .state_size = 8}, false),
      selective_scan({.n_heads = 131, .head_dim = 1, .state_size = 16}, false),
      selective_scan({.n_heads = 90, .head_dim = 1, .n_groups = 3, .state_size = 5}, false),
      selective_scan({.n_heads = 6, .head_dim = 16, .n_groups = 2, .state_size = 16}, true),
      selective_scan({.n_heads = 5, .head_dim = 7, .n_groups = 1, .state_size = 37}, true),
      wkv4(40),
      wkv4(133),
      wkv(4, 12, 0),
      wkv(2, 64, 128),
      wkv(8, 8, 8),
      wkv(1, 33, 0),
      delta_rule(1, 64),
      delta_rule(3, 20),
      delta_rule(5, 8),
      gated_delta_rule(2, 64, 2, 64),
      gated_delta_rule(2, 20, 6, 13),
      gated_delta_rule(3, 8, 3, 33),
  };
  return all;
}

// A sequence with its slot, whose other numbers are NaN: nothing may touch them, nor what the slot holds at first.
struct Sequence {
  Sequence(const Form& form, int64_t n_tokens, uint32_t seed)
      : length(n_tokens), slot({kSlotBegin + form.state_size + 2}), out({n_tokens, form.inputs[0].width}) {
    for (const Input& input : form.inputs) inputs.push_back(input.random(n_tokens, seed++));
  }

  int64_t length;
  std::vector<TestTensor> inputs;
  TestTensor slot, out;
};

// A step: positions [begin, end) of one sequence.
struct Step {
  Sequence* sequence;
  int64_t begin, end;
};

// One call over steps of several sequences; results land in their `out`.
void apply(const Form::Run& run, const Form& form, const std::vector<Step>& steps) {
  int64_t n_rows = 0;
  std::vector<StateRun> runs;
  for (const Step& step : steps) {
    runs.push_back({.first_row = n_rows,
                    .n_rows = step.end - step.begin,
                    .first_pos = step.begin,
                    .slot = step.sequence->slot.view()});
    n_rows += step.end - step.begin;
  }
  std::vector<TestTensor> inputs;
  for (size_t i = 0; i < form.inputs.size(); ++i) {
    const int64_t width = form.inputs[i].width;
    float* target = inputs.emplace_back(Shape{n_rows, width}).data();
    for (const Step& step : steps) {
      const float* const source = step.sequence->inputs[i].view().row<float>(step.begin);
      target = std::copy_n(source, (step.end - step.begin) * width, target);
    }
  }
  TestTensor out({n_rows, form.inputs[0].width});
  form.apply(run, inputs, runs, {kSlotBegin, form.state_size}, out.view());
  const float* source = out.data();
  for (const Step& step : steps) {
    const int64_t n = (step.end - step.begin) * form.inputs[0].width;
    std::copy_n(source, n, step.sequence->out.view().row<float>(step.begin));
    source += n;
  }
}

Form::Run cpu(ThreadPool& pool) {
  return [&pool](const Operation& operation) {
    std::visit(
        [&](const auto& one) {
          if constexpr (requires { compute(pool, one); }) compute(pool, one);
        },
        operation);
  };
}

Form::Run reference() {
  return [](const Operation& operation) { ReferenceKernels().run(operation); };
}

// Within `tolerance` of the greatest magnitude.
void expect_close(const Tensor& found, const Tensor& expected, float tolerance) {
  float greatest = 0;
  const int64_t n = expected.n_elements();
  for (int64_t i = 0; i < n; ++i) greatest = std::max(greatest, std::fabs(expected.as<float>()[i]));
  for (int64_t i = 0; i < n; ++i) {
    ASSERT_NEAR(found.as<float>()[i], expected.as<float>()[i], tolerance * greatest) << "element " << i;
  }
}

TEST(RecurrentTest, AgreesWithTheReferenceForPromptsAndSteps) {
  ThreadPool pool(2);
  for (const Form& form : forms()) {
    for (const int64_t length : {1, 2, 5, 90}) {
      SCOPED_TRACE(form.name + ", length " + std::to_string(length));
      Sequence found(form, length, 7), expected(form, length, 7);
      apply(reference(), form, {{&expected, 0, length}});
      const int64_t n_prompt = length - length / 3;
      apply(cpu(pool), form, {{&found, 0, n_prompt}});
      for (int64_t pos = n_prompt; pos < length; ++pos) apply(cpu(pool), form, {{&found, pos, pos + 1}});
      expect_close(found.out.view(), expected.out.view(), 3e-6f);
      const auto state = [&](const Sequence& sequence) {
        return sequence.slot.view().slice(0, kSlotBegin, kSlotBegin + form.state_size);
      };
      expect_close(state(found), state(expected), 3e-6f);
      for (const int64_t other : {int64_t{0}, kSlotBegin - 1, kSlotBegin + form.state_size}) {
        EXPECT_TRUE(std::isnan(found.slot.data()[other])) << "number " << other << " of the slot is not its own";
      }
    }
  }
}

TEST(RecurrentTest, BitsDoNotDependOnThreadsOrOnHowThePromptWasCut) {
  ThreadPool one(1);
  for (const Form& form : forms()) {
    SCOPED_TRACE(form.name);
    const int64_t length = 150;
    Sequence expected(form, length, 11);
    apply(cpu(one), form, {{&expected, 0, length}});
    std::mt19937 random(5);
    for (int n_threads = 1; n_threads <= 4; ++n_threads) {
      ThreadPool pool(n_threads);
      Sequence whole(form, length, 11), pieces(form, length, 11), single(form, length, 11);
      apply(cpu(pool), form, {{&whole, 0, length}});
      EXPECT_TRUE(whole.out == expected.out && whole.slot == expected.slot) << n_threads << " threads";
      for (int64_t begin = 0; begin < length;) {
        const int64_t end = std::min<int64_t>(length, begin + 1 + random() % 40);
        apply(cpu(pool), form, {{&pieces, begin, end}});
        begin = end;
      }
      EXPECT_TRUE(pieces.out == expected.out && pieces.slot == expected.slot) << n_threads << " threads, in pieces";
      for (int64_t pos = 0; pos < length; ++pos) apply(cpu(pool), form, {{&single, pos, pos + 1}});
      EXPECT_TRUE(single.out == expected.out && single.slot == expected.slot) << n_threads << " threads, one by one";
    }
  }
}

TEST(RecurrentTest, BitsDoNotDependOnWhoSharesTheBatch) {
  ThreadPool pool(2);
  for (const Form& form : forms()) {
    SCOPED_TRACE(form.name);
    std::vector<Sequence> together, alone;
    for (uint32_t i = 0; i < 5; ++i) {
      together.emplace_back(form, 30 * i + 3, 100 * i);
      alone.emplace_back(form, 30 * i + 3, 100 * i);
      apply(cpu(pool), form, {{&alone[i], 0, alone[i].length}});
    }
    // A prompt and single steps in one call, in this order and the other.
    const auto at = [&](size_t i, int64_t begin, int64_t end) { return Step{&together[i], begin, end}; };
    apply(cpu(pool), form, {at(0, 0, 2), at(2, 0, 62), at(4, 0, 100), at(1, 0, 32)});
    apply(cpu(pool), form, {at(1, 32, 33), at(4, 100, 122), at(3, 0, 93), at(2, 62, 63), at(0, 2, 3)});
    apply(cpu(pool), form, {at(4, 122, 123)});
    for (size_t i = 0; i < together.size(); ++i) {
      EXPECT_TRUE(together[i].out == alone[i].out && together[i].slot == alone[i].slot) << "sequence " << i;
    }
  }
}

TEST(RecurrentTest, AllocatesNothing) {
  ThreadPool pool(2);
  for (const Form& form : forms()) {
    SCOPED_TRACE(form.name);
    Sequence sequence(form, 60, 3);
    const Form::Run run = [&, inner = cpu(pool)](const Operation& operation) {
      const int64_t heap = allocation_count(), system = Storage::total_bytes();
      inner(operation);
      EXPECT_EQ(allocation_count(), heap);
      EXPECT_EQ(Storage::total_bytes(), system);
    };
    apply(run, form, {{&sequence, 0, 50}});
    apply(run, form, {{&sequence, 50, 51}});
  }
}

TEST(RecurrentTest, NoRowsIsNoWork) {
  ThreadPool pool(2);
  for (const Form& form : forms()) {
    SCOPED_TRACE(form.name);
    Sequence sequence(form, 0, 3);
    const TestTensor before = sequence.slot;
    apply(cpu(pool), form, {});
    apply(cpu(pool), form, {{&sequence, 0, 0}});
    EXPECT_TRUE(sequence.slot == before);
  }
}

// e^300 and e^-300 are beyond float32.
TEST(RecurrentTest, KeysOfRwkv4NeitherOverflowNorVanish) {
  ThreadPool pool(1);
  const Form form = wkv4(40);
  for (const float shift : {300.0f, -300.0f}) {
    Sequence found(form, 50, 3), expected(form, 50, 3);
    for (Sequence* sequence : {&found, &expected}) {
      for (int64_t i = 0; i < 50 * 40; ++i) sequence->inputs[0].data()[i] += shift;
    }
    apply(cpu(pool), form, {{&found, 0, 50}});
    apply(reference(), form, {{&expected, 0, 50}});
    expect_close(found.out.view(), expected.out.view(), 1e-4f);  // differences of 300 have an error of 3e-5 in f32
  }
}

TEST(RecurrentTest, LerpAgreesWithTheReferenceWhereverARowStands) {
  ThreadPool pool(3);
  const int64_t n_rows = 200, width = 131;
  const TestTensor x = TestTensor::random({n_rows, width}, 1), y = TestTensor::random({n_rows, width}, 2),
                   rows = TestTensor::random({n_rows, width}, 3), row = TestTensor::random({width}, 4);
  const TestTensor found_a({n_rows, width}), found_b({n_rows, width}), expected_a({n_rows, width}),
      expected_b({n_rows, width});
  const Tensor shares[] = {rows.view(), row.view()};
  const Tensor found[] = {found_a.view(), found_b.view()}, expected[] = {expected_a.view(), expected_b.view()};
  compute(pool, op::Lerp{x.view(), y.view(), shares, found});
  ReferenceKernels().run(op::Lerp{x.view(), y.view(), shares, expected});
  for (int j = 0; j < 2; ++j) expect_close(found[j], expected[j], 1e-6f);
  // The last row alone.
  const auto last = [&](const Tensor& all) { return all.slice(0, n_rows - 1, n_rows); };
  const TestTensor alone({1, width});
  const Tensor share = last(rows.view()), out = alone.view();
  compute(pool, op::Lerp{last(x.view()), last(y.view()), {&share, 1}, {&out, 1}});
  EXPECT_TRUE(std::equal(alone.view().as<float>(), alone.view().as<float>() + width, last(found[0]).as<float>()));
}

TEST(RecurrentTest, HeadBonusAgreesWithTheReferenceInPlaceToo) {
  ThreadPool pool(2);
  for (const int64_t head_dim : {1, 7, 20, 64}) {
    const int64_t n_heads = 5, n_rows = 40;
    const Shape shape{n_rows, n_heads * head_dim};
    const TestTensor x = TestTensor::random(shape, 1), r = TestTensor::random(shape, 2),
                     k = TestTensor::random(shape, 3), v = TestTensor::random(shape, 4),
                     weight = TestTensor::random({n_heads * head_dim}, 5);
    const TestTensor found(shape), expected(shape);
    const auto operation = [&](const Tensor& in, const Tensor& out) {
      return op::HeadBonus{in, r.view(), k.view(), v.view(), weight.view(), n_heads, out};
    };
    compute(pool, operation(x.view(), found.view()));
    ReferenceKernels().run(operation(x.view(), expected.view()));
    expect_close(found.view(), expected.view(), 2e-6f);
    compute(pool, operation(x.view(), x.view()));
    EXPECT_TRUE(x == found);
  }
}

}  // namespace
}  // namespace tidemill
