// What engine.h asks with and answers with: a request, and what came of it.
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "python/src/module.h"
#include "tidemill/engine.h"

namespace tidemill::python {
namespace {

// What a request says of the choice of tokens; what it does not say is as SamplingOptions has it.
SamplingOptions sampling_of(std::optional<float> temperature, std::optional<int32_t> top_k, std::optional<float> top_p,
                            std::optional<float> min_p, std::optional<float> repeat_penalty,
                            std::optional<float> frequency_penalty, std::optional<float> presence_penalty,
                            const std::map<int32_t, float>& logit_bias, uint64_t seed) {
  SamplingOptions options{.logit_bias = logit_bias, .seed = seed};
  options.temperature = temperature.value_or(options.temperature);
  options.top_k = top_k.value_or(options.top_k);
  options.top_p = top_p.value_or(options.top_p);
  options.min_p = min_p.value_or(options.min_p);
  options.repeat_penalty = repeat_penalty.value_or(options.repeat_penalty);
  options.frequency_penalty = frequency_penalty.value_or(options.frequency_penalty);
  options.presence_penalty = presence_penalty.value_or(options.presence_penalty);
  return options;
}

std::optional<Grammar> grammar_of(const Engine& engine, const std::string& gbnf, const std::string& json_schema) {
  if (!gbnf.empty()) return engine.compile({.kind = GrammarSource::Kind::gbnf, .text = gbnf});
  if (!json_schema.empty()) return engine.compile({.kind = GrammarSource::Kind::json_schema, .text = json_schema});
  return {};
}

void make_request(Request* self, const Engine& engine, const std::string& prompt,
                  const std::vector<int32_t>& prompt_ids, int64_t max_tokens, std::optional<float> temperature,
                  std::optional<int32_t> top_k, std::optional<float> top_p, std::optional<float> min_p,
                  std::optional<float> repeat_penalty, std::optional<float> frequency_penalty,
                  std::optional<float> presence_penalty, const std::map<int32_t, float>& logit_bias, uint64_t seed,
                  const std::vector<std::string>& stop, const std::string& grammar, const std::string& json_schema,
                  int32_t logprobs, bool ignore_eos, int32_t speculate) {
  const nb::gil_scoped_release released;
  new (self) Request{.prompt = prompt,
                     .prompt_ids = prompt_ids,
                     .max_tokens = max_tokens,
                     .sampling = sampling_of(temperature, top_k, top_p, min_p, repeat_penalty, frequency_penalty,
                                             presence_penalty, logit_bias, seed),
                     .stop = stop,
                     .grammar = grammar_of(engine, grammar, json_schema),
                     .ignore_eos = ignore_eos,
                     .n_logprobs = logprobs,
                     .speculate = speculate};
}

}  // namespace

void bind_request(nb::module_& module) {
  nb::class_<Request>(module, "Request")
      .def("__init__", &make_request, nb::arg("engine"), nb::arg("prompt") = "", nb::kw_only(),
           nb::arg("prompt_ids") = std::vector<int32_t>(), nb::arg("max_tokens") = -1,
           nb::arg("temperature") = nb::none(), nb::arg("top_k") = nb::none(), nb::arg("top_p") = nb::none(),
           nb::arg("min_p") = nb::none(), nb::arg("repeat_penalty") = nb::none(),
           nb::arg("frequency_penalty") = nb::none(), nb::arg("presence_penalty") = nb::none(),
           nb::arg("logit_bias") = std::map<int32_t, float>(), nb::arg("seed") = 0,
           nb::arg("stop") = std::vector<std::string>(), nb::arg("grammar") = "", nb::arg("json_schema") = "",
           nb::arg("logprobs") = -1, nb::arg("ignore_eos") = false, nb::arg("speculate") = -1);
  nb::class_<TokenLogprob>(module, "TokenLogprob", "A token and the logarithm of its probability.")
      .def_ro("id", &TokenLogprob::id)
      .def_ro("logprob", &TokenLogprob::logprob);
  nb::class_<Usage>(module, "Usage", "Tokens that were read and written.")
      .def_ro("prompt_tokens", &Usage::prompt_tokens)
      .def_ro("cached_tokens", &Usage::cached_tokens)
      .def_ro("completion_tokens", &Usage::completion_tokens)
      .def_ro("draft_tokens", &Usage::draft_tokens, "That were guessed ahead.")
      .def_ro("accepted_tokens", &Usage::accepted_tokens, "Of those, the ones that were right.");
  nb::class_<Timings>(module, "Timings", "Milliseconds, and tokens a second.")
      .def_ro("ttft_ms", &Timings::ttft_ms)
      .def_ro("prefill_tok_s", &Timings::prefill_tok_s)
      .def_ro("decode_tok_s", &Timings::decode_tok_s);
  nb::class_<Result>(module, "Result", "A text that has been written.")
      .def_ro("text", &Result::text)
      .def_ro("ids", &Result::ids)
      .def_prop_ro(
          "finish_reason", [](const Result& self) { return to_string(self.finish_reason); },
          "'stop', 'length', 'context_full' or 'cancelled'.")
      .def_ro("stop", &Result::stop, "What of `stop` ended the text; empty when something else did.")
      .def_ro("usage", &Result::usage)
      .def_ro("timings", &Result::timings)
      .def("__str__", [](const Result& self) { return self.text; });
}

}  // namespace tidemill::python
