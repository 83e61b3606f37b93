#include "tidemill/embed_job.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "python/src/embedder.h"
#include "python/src/module.h"
#include "python/src/progress.h"

namespace tidemill::python {
namespace {

using OnProgress = nb::typed<nb::callable, nb::object(EmbedJobProgress)>;

EmbedJobReport run(const std::vector<Embedder>& embedders, const std::string& input, const std::string& output,
                   const std::string& column, const std::string& output_column, const std::string& prompt_name,
                   int64_t dimensions, const std::string& long_texts, int64_t overlap,
                   const std::optional<OnProgress>& on_progress) {
  Progress progress(on_progress);
  const EmbedJobOptions options{.input = input,
                                .output = output,
                                .column = column,
                                .output_column = output_column,
                                .embed = {.prompt_name = prompt_name,
                                          .dimensions = dimensions,
                                          .long_text = long_text(long_texts, "long_texts"),
                                          .overlap = overlap},
                                .on_progress = [&](const EmbedJobProgress& now) { return progress(now); }};
  return progress.watch([&] { return run_embed_job(embedders, options); });
}

}  // namespace

void bind_embed_job(nb::module_& module) {
  nb::class_<EmbedJobProgress>(module, "EmbedJobProgress", "How far a job is.")
      .def_ro("share", &EmbedJobProgress::share, "Of the bytes of input, from 0 to 1.")
      .def_ro("n_texts", &EmbedJobProgress::n_texts, "Embedded by this call.")
      .def_ro("seconds", &EmbedJobProgress::seconds)
      .def_ro("file", &EmbedJobProgress::file, "That was written to last.");
  nb::class_<EmbedJobReport>(module, "EmbedJobReport", "What a job came to.")
      .def_ro("n_files", &EmbedJobReport::n_files, "Written by this call.")
      .def_ro("n_skipped", &EmbedJobReport::n_skipped, "Done by an earlier one.")
      .def_ro("n_texts", &EmbedJobReport::n_texts)
      .def_ro("seconds", &EmbedJobReport::seconds)
      .def_ro("devices", &EmbedJobReport::devices, "What each embedder did.");
  module.def("run_embed_job", &run, nb::arg("embedders"), nb::arg("input"), nb::arg("output"), nb::kw_only(),
             nb::arg("column"), nb::arg("output_column"), nb::arg("prompt_name"), nb::arg("dimensions"),
             nb::arg("long_texts"), nb::arg("overlap"), nb::arg("on_progress").none());
}

}  // namespace tidemill::python
