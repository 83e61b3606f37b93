#include "tidemill/reranker.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string_view>

#include "python/src/arrays.h"
#include "python/src/module.h"
#include "tidemill/error.h"

namespace tidemill::python {
namespace {

ScoreScale scale_of(const std::string& name) {
  if (name == "model") return ScoreScale::model;
  if (name == "raw") return ScoreScale::raw;
  if (name == "unit") return ScoreScale::unit;
  throw Error(ErrorCode::invalid_argument, "scale: '" + printable(name, 50) + "' is none of model, raw, unit");
}

nb::ndarray<nb::numpy, float, nb::ndim<1>> scores(const Reranker& self, const std::string& query,
                                                  const std::vector<std::string>& documents, const std::string& scale) {
  std::vector<float> found;
  {
    const nb::gil_scoped_release released;
    const std::vector<std::string_view> views(documents.begin(), documents.end());
    found = self.scores(query, views, scale_of(scale));
  }
  return array_of(std::move(found));
}

}  // namespace

void bind_reranker(nb::module_& module) {
  nb::class_<Reranker>(module, "Reranker")
      .def_static(
          "load", [](const std::string& model, int threads) { return Reranker::load(model, {.threads = threads}); },
          nb::arg("model"), nb::kw_only(), nb::arg("threads"), nb::call_guard<nb::gil_scoped_release>())
      .def("scores", &scores, nb::arg("query"), nb::arg("documents"), nb::arg("scale"))
      .def_prop_ro("max_tokens", &Reranker::max_tokens);
}

}  // namespace tidemill::python
