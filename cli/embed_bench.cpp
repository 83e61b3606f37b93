#include "cli/embed_bench.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "cli/profile_report.h"
#include "tidemill/stopwatch.h"
#include "tidemill/system.h"

namespace tidemill::cli {
namespace {

constexpr double kLeastSeconds = 0.5;
constexpr size_t kLeastBatches = 3;

std::vector<std::vector<int32_t>> random_texts(int64_t n_texts, int64_t n_tokens, int64_t vocab_size) {
  std::vector<std::vector<int32_t>> texts(static_cast<size_t>(n_texts));
  uint64_t random = 1;
  for (auto& text : texts)
    for (int64_t at = 0; at < n_tokens; ++at) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      text.push_back(static_cast<int32_t>((random >> 33) % static_cast<uint64_t>(vocab_size)));
    }
  return texts;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

void bench_embeddings(const Embedder& embedder, const Arguments& arguments) {
  const int64_t n_texts = arguments.integer("--batch"), n_tokens = arguments.integer("--seq-len");
  const auto texts = random_texts(n_texts, n_tokens, embedder.engine().vocab_size());
  embedder.embed_ids(texts);  // pages and caches are warm then
  embedder.engine().take_profile();
  std::vector<double> times;
  const Stopwatch all;
  while (all.seconds() < kLeastSeconds || times.size() < kLeastBatches) {
    const Stopwatch one;
    embedder.embed_ids(texts);
    times.push_back(one.seconds());
  }
  const PhaseProfile phase{.name = "embed",
                           .n_tokens = n_texts * n_tokens * std::ssize(times),
                           .seconds = all.seconds(),
                           .rows = embedder.engine().take_profile()};
  const double seconds = median(times), per_second = static_cast<double>(n_texts) / seconds;
  const int64_t peak_bytes = peak_rss_bytes();  // before the roofs are measured, which takes memory
  const std::optional<Roofs> roofs =
      arguments.flag("--profile") ? std::optional(measure_roofs(embedder.engine().threads())) : std::nullopt;
  if (arguments.flag("--json")) {
    nlohmann::json result{
        {"embeddings_per_s", per_second}, {"batch_ms", seconds * 1e3}, {"peak_rss_bytes", peak_bytes}};
    if (roofs) result["profile"] = {{"roofs", roofs_json(*roofs)}, {"embed", profile_json(phase, *roofs)}};
    std::printf("%s\n", result.dump().c_str());
  } else {
    std::printf("%.1f embeddings/s\n", per_second);
    if (roofs) print_profile(phase, *roofs);
  }
}

}  // namespace tidemill::cli
