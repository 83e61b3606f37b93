#include "tidemill/service.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include "python/src/module.h"
#include "python/src/text_stream.h"

namespace tidemill::python {
namespace {

constexpr double kBetweenSignals = 0.05;  // seconds that a reader waits before it looks for Ctrl-C

// The next pieces, without the GIL while waiting; none at the end.  Ctrl-C ends the request and raises.
std::vector<Piece> next_pieces(TextStream& stream) {
  while (true) {
    std::vector<Piece> pieces;
    bool has_ended = false;
    {
      const nb::gil_scoped_release released;
      pieces = stream.take(kBetweenSignals);
      has_ended = pieces.empty() && stream.has_ended();
    }
    if (!pieces.empty() || has_ended) return pieces;
    if (PyErr_CheckSignals() != 0) {
      stream.cancel();
      throw nb::python_error();
    }
  }
}

std::vector<Piece> ready_pieces(TextStream& stream) {
  const nb::gil_scoped_release released;
  return stream.take(0);
}

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

struct SharedService {
  std::shared_ptr<Service> service;  // never null; streams share it
};

std::unique_ptr<TextStream> submit(const SharedService& self, const Engine& engine, const std::string& prompt,
                                   const std::vector<int32_t>& prompt_ids, int64_t max_tokens,
                                   std::optional<float> temperature, std::optional<int32_t> top_k,
                                   std::optional<float> top_p, std::optional<float> min_p,
                                   std::optional<float> repeat_penalty, std::optional<float> frequency_penalty,
                                   std::optional<float> presence_penalty, const std::map<int32_t, float>& logit_bias,
                                   uint64_t seed, const std::vector<std::string>& stop, const std::string& grammar,
                                   const std::string& json_schema, int32_t logprobs, bool ignore_eos) {
  const nb::gil_scoped_release released;
  Request request{.prompt = prompt,
                  .prompt_ids = prompt_ids,
                  .max_tokens = max_tokens,
                  .sampling = sampling_of(temperature, top_k, top_p, min_p, repeat_penalty, frequency_penalty,
                                          presence_penalty, logit_bias, seed),
                  .stop = stop,
                  .grammar = grammar_of(engine, grammar, json_schema),
                  .ignore_eos = ignore_eos,
                  .n_logprobs = logprobs};
  return std::make_unique<TextStream>(self.service, Submission{.request = std::move(request), .engine = engine});
}

}  // namespace

void bind_service(nb::module_& module) {
  nb::class_<TokenLogprob>(module, "TokenLogprob", "A token and the logarithm of its probability.")
      .def_ro("id", &TokenLogprob::id)
      .def_ro("logprob", &TokenLogprob::logprob);
  nb::class_<Piece>(module, "Piece", "A token that was chosen, with the text that became certain with it.")
      .def_ro("id", &Piece::id, "-1: text that was held back.")
      .def_ro("text", &Piece::text, "Whole characters; perhaps empty.")
      .def_ro("logprobs", &Piece::logprobs, "Its own, then those of the most likely tokens, when asked for.")
      .def("__str__", [](const Piece& self) { return self.text; });
  nb::class_<Usage>(module, "Usage", "Tokens that were read and written.")
      .def_ro("prompt_tokens", &Usage::prompt_tokens)
      .def_ro("cached_tokens", &Usage::cached_tokens)
      .def_ro("completion_tokens", &Usage::completion_tokens);
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

  nb::class_<TextStream>(module, "TextStream")
      .def("next_pieces", &next_pieces)
      .def("ready_pieces", &ready_pieces)
      .def("has_ended", &TextStream::has_ended)
      .def("result", &TextStream::result)
      .def("cancel", &TextStream::cancel)
      .def("descriptor", &TextStream::descriptor);

  nb::class_<SharedService>(module, "Service")
      .def(
          "__init__",
          [](SharedService* self, const Engine& engine, int64_t max_running, int64_t max_queued) {
            const nb::gil_scoped_release released;
            const ServiceOptions options{.max_running = max_running, .max_queued = max_queued};
            new (self) SharedService{std::make_shared<Service>(engine, options)};
          },
          nb::arg("engine"), nb::kw_only(), nb::arg("max_running"), nb::arg("max_queued"))
      .def("submit", &submit, nb::arg("engine"), nb::arg("prompt") = "", nb::kw_only(),
           nb::arg("prompt_ids") = std::vector<int32_t>(), nb::arg("max_tokens") = -1,
           nb::arg("temperature") = nb::none(), nb::arg("top_k") = nb::none(), nb::arg("top_p") = nb::none(),
           nb::arg("min_p") = nb::none(), nb::arg("repeat_penalty") = nb::none(),
           nb::arg("frequency_penalty") = nb::none(), nb::arg("presence_penalty") = nb::none(),
           nb::arg("logit_bias") = std::map<int32_t, float>(), nb::arg("seed") = 0,
           nb::arg("stop") = std::vector<std::string>(), nb::arg("grammar") = "", nb::arg("json_schema") = "",
           nb::arg("logprobs") = -1, nb::arg("ignore_eos") = false);
}

}  // namespace tidemill::python
