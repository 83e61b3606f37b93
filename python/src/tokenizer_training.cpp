#include "tidemill/tokenizer_training.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "python/src/module.h"
#include "python/src/progress.h"

namespace tidemill::python {
namespace {

// What users give: called with what is being done, and the share of it.
using OnPhase = nb::typed<nb::callable, nb::object(nb::str, double)>;

TrainingReport train(const std::vector<std::string>& files, const std::string& out, const std::string& kind,
                     int64_t vocab_size, int64_t min_frequency, const std::vector<std::string>& special_tokens,
                     const std::string& pattern, std::optional<int64_t> limit_alphabet,
                     std::optional<int64_t> max_token_length, bool lowercase, int num_threads,
                     const std::optional<OnPhase>& on_progress) {
  Progress progress(on_progress);
  const TokenizerTrainingOptions options{
      .kind = training_kind(kind),
      .vocab_size = vocab_size,
      .min_frequency = min_frequency,
      .special_tokens = special_tokens,
      .pattern = pattern,
      .limit_alphabet = limit_alphabet,
      .max_token_length = max_token_length,
      .lowercase = lowercase,
      .n_threads = num_threads,
      .on_progress = [&](const TrainingProgress& now) { return progress(std::string(now.phase), now.share); }};
  return progress.watch([&] { return train_tokenizer(files, out, options); });
}

}  // namespace

void bind_tokenizer_training(nb::module_& module) {
  nb::class_<TrainingReport>(module, "TrainingReport", "What training a tokenizer came to.")
      .def_ro("n_bytes", &TrainingReport::n_bytes, "Read.")
      .def_ro("n_words", &TrainingReport::n_words)
      .def_ro("n_distinct_words", &TrainingReport::n_distinct_words)
      .def_ro("n_tokens", &TrainingReport::n_tokens, "In the vocabulary.")
      .def_ro("n_merges", &TrainingReport::n_merges)
      .def_ro("read_seconds", &TrainingReport::read_seconds)
      .def_ro("train_seconds", &TrainingReport::train_seconds);
  module.def("train_tokenizer", &train, nb::arg("files"), nb::arg("out"), nb::kw_only(), nb::arg("kind") = "bpe",
             nb::arg("vocab_size") = 30000, nb::arg("min_frequency") = 0,
             nb::arg("special_tokens") = std::vector<std::string>(), nb::arg("pattern") = "gpt2",
             nb::arg("limit_alphabet") = nb::none(), nb::arg("max_token_length") = nb::none(),
             nb::arg("lowercase") = true, nb::arg("num_threads") = 1, nb::arg("on_progress") = nb::none());
}

}  // namespace tidemill::python
