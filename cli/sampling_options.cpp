#include "cli/sampling_options.h"

#include <charconv>
#include <random>

#include "tidemill/error.h"

namespace tidemill::cli {
namespace {

std::pair<int32_t, float> parse_bias(const std::string& text) {
  const char* const end = text.data() + text.size();
  int32_t id = 0;
  float bias = 0;
  const auto after_id = std::from_chars(text.data(), end, id);
  if (after_id.ec == std::errc() && after_id.ptr != end && *after_id.ptr == '=') {
    const auto after_bias = std::from_chars(after_id.ptr + 1, end, bias);
    if (after_bias.ec == std::errc() && after_bias.ptr == end) return {id, bias};
  }
  throw Error(ErrorCode::invalid_argument, "--logit-bias: '" + text + "' is not ID=NUMBER, as in 106=-100");
}

}  // namespace

SamplingOptions sampling_options(const Arguments& arguments) {
  SamplingOptions options{.temperature = static_cast<float>(arguments.number("--temperature")),
                          .top_k = static_cast<int32_t>(arguments.integer("--top-k")),
                          .top_p = static_cast<float>(arguments.number("--top-p")),
                          .min_p = static_cast<float>(arguments.number("--min-p")),
                          .repeat_penalty = static_cast<float>(arguments.number("--repeat-penalty")),
                          .repeat_last_n = static_cast<int32_t>(arguments.integer("--repeat-last-n")),
                          .frequency_penalty = static_cast<float>(arguments.number("--frequency-penalty")),
                          .presence_penalty = static_cast<float>(arguments.number("--presence-penalty"))};
  for (const std::string& text : arguments.texts("--logit-bias")) options.logit_bias.insert(parse_bias(text));
  const int64_t seed = arguments.integer("--seed");
  options.seed = seed >= 0 ? static_cast<uint64_t>(seed) : std::random_device{}();
  return options;
}

}  // namespace tidemill::cli
