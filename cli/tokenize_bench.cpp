#include "cli/tokenize_bench.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "cli/input.h"
#include "tidemill/error.h"

namespace tidemill::cli {
namespace {

using nlohmann::json;

// Below the limit on one text.
constexpr size_t kMaxPartBytes = size_t{256} << 20;

// `text` in about `n_parts` equal parts, cut after line ends.
std::vector<std::string_view> split_at_lines(std::string_view text, size_t n_parts) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0, k = 1; begin < text.size(); ++k) {
    const size_t line_end = text.find('\n', std::max(begin, text.size() * k / n_parts));
    const size_t end = k >= n_parts || line_end == text.npos ? text.size() : line_end + 1;
    parts.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return parts;
}

struct Pass {
  double seconds;
  int64_t n_tokens;
};

// Encodes the parts, which are one text unless that is too long, on `n_threads` threads.
Pass encode_parts(const Tokenizer& tokenizer, const std::vector<std::string_view>& parts, int n_threads) {
  const auto start = std::chrono::steady_clock::now();
  int64_t n_tokens = 0;
  for (const std::string_view part : parts) {
    n_tokens += std::ssize(tokenizer.encode_batch(std::span(&part, 1), {.add_special_tokens = false}, n_threads)[0]);
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return {seconds.count(), n_tokens};
}

}  // namespace

void bench_tokenizer(const Tokenizer& tokenizer, const Arguments& arguments) {
  if (!arguments.has("--input"))
    throw Error(ErrorCode::invalid_argument, "--bench: no text given; name a file by --input");
  const std::string text = read_all(arguments.text("--input"));
  const auto n_threads = static_cast<int>(arguments.integer("--threads"));
  const std::vector<std::string_view> parts = split_at_lines(text, text.size() / kMaxPartBytes + 1);
  const Pass first = encode_parts(tokenizer, parts, n_threads);
  json answer{{"bytes", text.size()}, {"tokens", first.n_tokens}, {"seconds", first.seconds}, {"threads", n_threads}};
  if (arguments.flag("--repeat")) answer["repeat_seconds"] = encode_parts(tokenizer, parts, n_threads).seconds;
  const CacheStatistics cache = tokenizer.cache_statistics();
  answer["cache"] = {{"hits", cache.hits}, {"misses", cache.misses}, {"bytes", cache.bytes}};
  if (arguments.flag("--json")) {
    std::printf("%s\n", answer.dump().c_str());
    return;
  }
  const double megabytes = static_cast<double>(text.size()) / 1e6;
  std::printf("%lld tokens, %.1f MB/s", static_cast<long long>(first.n_tokens), megabytes / first.seconds);
  if (arguments.flag("--repeat")) std::printf(", again %.1f MB/s", megabytes / answer["repeat_seconds"].get<double>());
  std::printf("\n");
}

}  // namespace tidemill::cli
