#include "serve/options.h"

#include <charconv>
#include <limits>
#include <random>

namespace tidemill::serve {
namespace {

std::map<int32_t, float> read_logit_bias(const Fields& fields) {
  const auto biases = fields.object("logit_bias");
  std::map<int32_t, float> result;
  if (!biases) return result;
  for (const auto& [key, value] : fields.find("logit_bias")->items()) {
    int32_t id = 0;
    const auto parsed = std::from_chars(key.data(), key.data() + key.size(), id);
    if (parsed.ec != std::errc() || parsed.ptr != key.data() + key.size() || id < 0)
      fields.fail("logit_bias", "its keys must be token ids");
    result[id] = static_cast<float>(biases->number(key, -100, 100).value_or(0));
  }
  return result;
}

SamplingOptions read_sampling(const Fields& fields) {
  // OpenAI's defaults; top_k, min_p and repeat_penalty are what llama.cpp and vLLM take besides.
  SamplingOptions sampling{.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0};
  const auto set = [&](const char* name, double least, double most, float& option) {
    if (const auto value = fields.number(name, least, most)) option = static_cast<float>(*value);
  };
  set("temperature", 0, 2, sampling.temperature);
  set("top_p", 0, 1, sampling.top_p);
  set("min_p", 0, 1, sampling.min_p);
  set("repeat_penalty", 0.01, 100, sampling.repeat_penalty);
  set("frequency_penalty", -2, 2, sampling.frequency_penalty);
  set("presence_penalty", -2, 2, sampling.presence_penalty);
  if (const auto top_k = fields.integer("top_k", -1, std::numeric_limits<int32_t>::max()))
    sampling.top_k = static_cast<int32_t>(std::max<int64_t>(0, *top_k));
  // OpenAI's two penalties count all that was written, and only that.
  if (sampling.frequency_penalty != 0 || sampling.presence_penalty != 0) {
    sampling.repeat_last_n = -1;
    sampling.penalise_prompt = false;
  }
  sampling.logit_bias = read_logit_bias(fields);
  const auto seed = fields.integer("seed", std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
  std::random_device random;
  sampling.seed = seed ? static_cast<uint64_t>(*seed) : uint64_t{random()} << 32 | random();
  return sampling;
}

}  // namespace

TextOptions read_text_options(const Fields& fields, int64_t max_tokens) {
  TextOptions options;
  options.request.sampling = read_sampling(fields);
  options.request.stop = fields.texts("stop", kMostStops, kMostStopBytes);
  auto limit = fields.integer("max_completion_tokens", 0, kMostTokens);
  if (!limit) limit = fields.integer("max_tokens", 0, kMostTokens);
  options.request.max_tokens = limit.value_or(max_tokens);
  options.request.ignore_eos = fields.boolean("ignore_eos").value_or(false);
  options.n = fields.integer("n", 1, 8).value_or(1);
  if (fields.integer("best_of", 1, 8).value_or(options.n) != options.n)
    fields.fail("best_of", "is not supported; leave it out or make it equal to 'n'");
  options.is_stream = fields.boolean("stream").value_or(false);
  if (const auto stream_options = fields.object("stream_options")) {
    if (!options.is_stream) fields.fail("stream_options", "is only for streams; set 'stream' to true");
    options.wants_usage = stream_options->boolean("include_usage").value_or(false);
  }
  return options;
}

}  // namespace tidemill::serve
