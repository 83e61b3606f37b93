// The tokens that are chosen from the scores in reach are those of all scores, for every sampler: kernels and sampler
// together.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "backends/cpu/backend.h"
#include "backends/cpu/pack.h"
#include "backends/cpu/random_weights.h"
#include "runtime/sampler.h"
#include "tensor/storage.h"

namespace tidemill {
namespace {

constexpr int64_t kVocab = 5000, kWidth = 96;

// A head of Q8_0, whole and halved.  With `twins` each row occurs about ten times, so that most scores are ties.
struct Heads {
  Heads(ThreadPool& pool, bool twins, uint32_t seed)
      : bytes(random_rows(DType::q8_0, kVocab, kWidth, seed)),
        memory(panel_bytes(DType::q8_0, kVocab, kWidth)),
        halved_memory(memory.size_bytes()) {
    const size_t row = kWidth / 32 * 34;
    std::mt19937 random(seed);
    for (size_t i = kVocab / 10; twins && i < kVocab; ++i)
      std::memcpy(bytes.data() + i * row, bytes.data() + random() % (kVocab / 10) * row, row);
    const Tensor rows(bytes.data(), DType::q8_0, {kVocab, kWidth});
    whole = pack_panels(pool, rows, memory.data());
    halved = rows.with_panels(halved_memory.data(), Layout::halved_panels);
    pack_part(pool, rows, 0, halved);
  }
  std::vector<std::byte> bytes;
  Storage memory, halved_memory;
  Tensor whole, halved;
};

TEST(HeadChoice, IsTheSameFromScoresInReach) {
  ThreadPool pool(2);
  CpuBackend backend(pool, Precision::fast);
  std::mt19937 random(11);
  std::normal_distribution<float> normal;
  const SamplingOptions kOptions[] = {
      {.temperature = 0},
      {.temperature = 0.8f, .top_k = 40, .top_p = 0.95f, .min_p = 0.05f, .seed = 3},
      {.temperature = 1, .top_k = 64, .top_p = 0.95f, .min_p = 0, .seed = 4},
      {.temperature = 3, .top_k = 0, .top_p = 1, .min_p = 0.2f, .seed = 5},
      {.temperature = 1, .top_k = 0, .top_p = 0.9f, .min_p = 0, .seed = 6},
      {.temperature = 0, .repeat_penalty = 1.3f},
      {.temperature = 0.7f, .min_p = 0.1f, .logit_bias = {{3, 50.0f}}, .seed = 8},
  };
  for (const bool twins : {false, true}) {
    const Heads heads(pool, twins, twins ? 21 : 22);
    for (const SamplingOptions& options : kOptions) {
      Sampler from_all(options), from_reach(options);
      for (int step = 0; step < 25; ++step) {
        std::vector<float> x(kWidth), all(kVocab), found(kVocab);
        const float size = std::exp(2 * normal(random));
        for (float& value : x) value = size * normal(random);
        const Tensor hidden(x.data(), DType::f32, {1, kWidth}), out(all.data(), DType::f32, {1, kVocab});
        backend.kernels().run(op::Matmul{{&hidden, 1}, {&heads.whole, 1}, {&out, 1}});
        const Tensor scores(found.data(), DType::f32, {1, kVocab});
        backend.kernels().run(op::Scores{hidden, heads.halved, from_reach.reach(), scores});
        const int32_t expected = from_all.sample(all);
        ASSERT_EQ(from_reach.sample(found), expected) << "step " << step << " at temperature " << options.temperature;
        from_all.accept(expected);
        from_reach.accept(expected);
      }
    }
  }
}

}  // namespace
}  // namespace tidemill
