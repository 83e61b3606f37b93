#include "python/src/embedder.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include "python/src/arrays.h"
#include "python/src/module.h"
#include "python/src/progress.h"

namespace tidemill::python {
namespace {

FloatMatrix embed(const Embedder& self, const std::vector<std::string>& texts, const std::string& prompt_name,
                  int64_t dimensions, const std::string& long_texts, int64_t overlap) {
  Progress progress;
  const EmbedOptions options{.prompt_name = prompt_name,
                             .dimensions = dimensions,
                             .long_text = long_text(long_texts, "long_texts"),
                             .overlap = overlap,
                             .cancelled = [&] { return progress.should_end(); }};
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const std::vector<std::vector<float>> vectors = progress.watch([&] { return self.embed(views, options); });
  const int64_t width = dimensions > 0 ? dimensions : self.dimensions();
  return matrix_of(std::ssize(vectors), width, [&](float* target) {
    for (const auto& vector : vectors) target = std::copy(vector.begin(), vector.end(), target);
  });
}

}  // namespace

LongText long_text(const std::string& name, const char* argument) {
  const auto found = long_text_of(name);
  if (!found)
    throw Error(ErrorCode::invalid_argument,
                std::string(argument) + ": '" + printable(name, 50) + "' is none of cut, mean, max, tokens, position");
  return *found;
}

void bind_embedder(nb::module_& module) {
  nb::class_<Embedder>(module, "Embedder")
      .def_static("of", &Embedder::of, nb::arg("engine"))
      .def("embed", &embed, nb::arg("texts"), nb::kw_only(), nb::arg("prompt_name") = "", nb::arg("dimensions") = 0,
           nb::arg("long_texts") = "cut", nb::arg("overlap") = 0)
      .def_prop_ro("dimensions", &Embedder::dimensions)
      .def_prop_ro("max_tokens", &Embedder::max_tokens)
      .def_prop_ro("is_normalized", &Embedder::is_normalized)
      .def_prop_ro("prompts", &Embedder::prompts);
}

}  // namespace tidemill::python
