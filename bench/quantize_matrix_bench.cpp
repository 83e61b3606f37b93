// How long one matrix of 512 x 512 takes, in groups of 128 with 4 bits: by rounding as others mean it, by rounding to
// the scale that loses least, by AWQ (the search for scales on 48 rows, then rounding) and by the best method.
//
//   ./dev bench quantize_matrix [THREADS]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

#include "compress/quantize/awq.h"
#include "compress/quantize/coded_matrix.h"
#include "compress/quantize/feedback.h"
#include "compress/quantize/round_matrix.h"
#include "sys/random.h"
#include "tidemill/stopwatch.h"

namespace {

using namespace tidemill;

constexpr int64_t kSize = 512, kTokens = 2048, kSampleRows = 48;
constexpr CodeFormat kFormat{.groups = GroupKind{4, 128, true}};

std::vector<float> numbers(int64_t n, uint64_t seed) {
  Random random(seed);
  std::vector<float> result(static_cast<size_t>(n));
  for (float& number : result) number = static_cast<float>(random.uniform() + random.uniform() - 1);
  return result;
}

// The median of some runs.
void measure(const char* name, const std::function<void()>& work) {
  std::vector<double> times;
  for (int run = 0; run < 15; ++run) {
    const Stopwatch stopwatch;
    work();
    times.push_back(stopwatch.milliseconds());
  }
  std::ranges::sort(times);
  std::printf("%-28s %8.3f ms\n", name, times[times.size() / 2]);
}

}  // namespace

int main(int argc, char** argv) {
  ThreadPool pool(argc > 1 ? std::max(1, std::atoi(argv[1])) : 1);
  const std::vector<float> weights = numbers(kSize * kSize, 1), x = numbers(kTokens * kSize, 2);
  InputRecord record{SquareMatrix(kSize), std::vector<double>(kSize), kTokens};
  add_gram(pool, x.data(), kTokens, record.gram);
  for (size_t i = 0; i < x.size(); ++i) record.magnitudes[i % kSize] += std::fabs(x[i]);
  const MatrixSource source{.n_rows = kSize, .n_cols = kSize, .read = [&](int64_t row, std::span<float> values) {
                              std::copy_n(weights.begin() + row * kSize, kSize, values.begin());
                            }};
  CodedMatrix codes(kFormat, kSize, kSize);
  std::printf("%d threads\n", pool.n_threads());
  measure("rounding, whole range", [&] { round_matrix(pool, source, ScaleSearch::plain, codes.coder()); });
  measure("rounding, scales searched", [&] { round_matrix(pool, source, ScaleSearch::least_error, codes.coder()); });
  measure("awq", [&] {
    MatrixSource sample = source;
    sample.n_rows = kSampleRows;
    const auto factors = search_scales(pool, {{.sample = sample, .format = kFormat}}, record, ScaleTrial::rounding);
    MatrixSource scaled = source;
    const std::vector<float> importance = importance_of(divided(record, factors));
    scaled.importance = importance;
    scaled.read = [&](int64_t row, std::span<float> values) {
      source.read(row, values);
      for (size_t i = 0; i < values.size(); ++i) values[i] *= factors[i];
    };
    round_matrix(pool, scaled, ScaleSearch::least_error, codes.coder());
  });
  measure("best", [&] {
    SquareMatrix gram = record.gram;
    mirror(gram);
    const FeedbackFactors factors(pool, std::move(gram), 0.01);
    quantize_with_feedback(pool, source, factors, {.n_descents = 4}, codes.coder());
  });
  return 0;
}
