#include "cli/tokenize_bench.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <future>
#include <nlohmann/json.hpp>
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

// Encodes the parts on `n_threads` threads, of which this is one.
Pass encode_parts(const Tokenizer& tokenizer, const std::vector<std::string_view>& parts, size_t n_threads) {
  const auto start = std::chrono::steady_clock::now();
  const auto count = [&](size_t first) {
    int64_t n_tokens = 0;
    for (size_t k = first; k < parts.size(); k += n_threads) {
      n_tokens += std::ssize(tokenizer.encode(parts[k], {.add_special_tokens = false}));
    }
    return n_tokens;
  };
  std::vector<std::future<int64_t>> others;
  for (size_t thread = 1; thread < n_threads; ++thread) others.push_back(std::async(std::launch::async, count, thread));
  int64_t n_tokens = count(0);
  for (std::future<int64_t>& other : others) n_tokens += other.get();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return {seconds.count(), n_tokens};
}

}  // namespace

void bench_tokenizer(const Tokenizer& tokenizer, const Arguments& arguments) {
  if (!arguments.has("--input"))
    throw Error(ErrorCode::invalid_argument, "--bench: no text given; name a file by --input");
  const std::string text = read_all(arguments.text("--input"));
  const auto n_threads = static_cast<size_t>(arguments.integer("--threads"));
  const size_t rounds = text.size() / n_threads / kMaxPartBytes + 1;
  std::vector<std::string_view> parts = tokenizer.cut(text, n_threads * rounds);
  if (parts.size() < n_threads * rounds) parts = split_at_lines(text, n_threads * rounds);
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
