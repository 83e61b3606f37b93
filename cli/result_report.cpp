#include "cli/result_report.h"

#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tidemill/system.h"

namespace tidemill::cli {
namespace {

using nlohmann::json;

std::string to_json(const Result& result) {
  const json object = {{"text", result.text},
                       {"ids", result.ids},
                       {"finish_reason", to_string(result.finish_reason)},
                       {"usage",
                        {{"prompt_tokens", result.usage.prompt_tokens},
                         {"cached_tokens", result.usage.cached_tokens},
                         {"completion_tokens", result.usage.completion_tokens},
                         {"total_tokens", result.usage.prompt_tokens + result.usage.completion_tokens},
                         {"draft_tokens", result.usage.draft_tokens},
                         {"accepted_tokens", result.usage.accepted_tokens}}},
                       {"timings",
                        {{"load_ms", result.timings.load_ms},
                         {"ttft_ms", result.timings.ttft_ms},
                         {"prefill_tok_s", result.timings.prefill_tok_s},
                         {"decode_tok_s", result.timings.decode_tok_s}}},
                       {"peak_rss_bytes", peak_rss_bytes()}};
  return object.dump();
}

}  // namespace

bool write_piece(const Event& event) {
  std::fwrite(event.text.data(), 1, event.text.size(), stdout);
  return std::fflush(stdout) == 0;
}

void print_summary(const Result& result) {
  const auto count = [](int64_t n) { return static_cast<long long>(n); };
  std::fprintf(stderr, "\n%lld prompt tokens", count(result.usage.prompt_tokens));
  if (result.usage.cached_tokens > 0)
    std::fprintf(stderr, ", %lld of them kept from before,", count(result.usage.cached_tokens));
  std::fprintf(
      stderr,
      " at %.1f tokens/s, %lld new tokens at %.1f tokens/s; first after %.0f ms, loaded in %.0f ms, peak memory "
      "%.0f MB\n",
      result.timings.prefill_tok_s, count(result.usage.completion_tokens), result.timings.decode_tok_s,
      result.timings.ttft_ms, result.timings.load_ms, static_cast<double>(peak_rss_bytes()) / 1e6);
  if (result.usage.draft_tokens > 0)
    std::fprintf(stderr, "%lld tokens were guessed ahead, %lld of them right\n", count(result.usage.draft_tokens),
                 count(result.usage.accepted_tokens));
  if (result.finish_reason == FinishReason::context_full)
    std::fputs("the context is full: raise --ctx to go on\n", stderr);
}

void print_result(const Result& result, bool as_json) {
  if (as_json) {
    std::cout << to_json(result) << std::endl;
  } else {
    std::fputc('\n', stdout);
    print_summary(result);
  }
}

}  // namespace tidemill::cli
