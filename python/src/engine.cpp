#include "tidemill/engine.h"

#include <nanobind/stl/function.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "python/src/arrays.h"
#include "python/src/module.h"
#include "python/src/tokenizer.h"

namespace tidemill::python {
namespace {

Precision precision_of(const std::string& name) {
  if (name == "fast") return Precision::fast;
  if (name == "f32") return Precision::f32;
  if (name == "bf16") return Precision::bf16;
  if (name == "int8") return Precision::int8;
  throw Error(ErrorCode::invalid_argument, "precision: '" + printable(name, 50) + "' is none of fast, f32, bf16, int8");
}

Engine load(const std::string& model, int threads, int64_t context_length, const std::string& precision,
            const std::string& state, const std::string& draft, bool check_weights) {
  const nb::gil_scoped_release released;
  return Engine::load(model, {.threads = threads,
                              .context_length = context_length,
                              .precision = precision_of(precision),
                              .state = state,
                              .draft = draft,
                              .check_weights = check_weights});
}

// The scores after each id, of an encoder its hidden states.
FloatMatrix rows_of(const Engine& self, const std::vector<int32_t>& ids) {
  std::vector<float> rows;
  int64_t width = self.vocab_size();
  {
    const nb::gil_scoped_release released;
    if (self.is_encoder()) {
      const EncoderInput input{.ids = ids};
      self.encode({&input, 1}, [&](size_t, const Tensor& hidden) {
        width = hidden.dim(1);
        rows.assign(hidden.as<float>(), hidden.as<float>() + hidden.n_elements());
      });
    } else {
      rows.resize(ids.size() * static_cast<size_t>(width));
      Session(self).score(ids, [&](int64_t position, std::span<const float> logits) {
        std::copy(logits.begin(), logits.end(), rows.begin() + position * width);
      });
    }
  }
  return matrix_of(std::ssize(ids), width, [&](float* target) { std::copy(rows.begin(), rows.end(), target); });
}

}  // namespace

void bind_engine(nb::module_& module) {
  nb::class_<Engine>(module, "Engine")
      .def_static("load", &load, nb::arg("model"), nb::kw_only(), nb::arg("threads") = 0, nb::arg("context_length") = 0,
                  nb::arg("precision") = "fast", nb::arg("state") = "auto", nb::arg("draft") = "",
                  nb::arg("check_weights") = false)
      .def("rows", &rows_of, nb::arg("ids"))
      .def("chat_template", &Engine::chat_template)
      .def("tokenizer", [](const Engine& self) { return SharedTokenizer{self.shared_tokenizer()}; })
      .def_prop_ro("path", &Engine::path)
      .def_prop_ro("vocab_size", &Engine::vocab_size)
      .def_prop_ro("context_length", &Engine::context_length)
      .def_prop_ro("model_context_length", &Engine::model_context_length)
      .def_prop_ro("threads", &Engine::threads)
      .def_prop_ro("load_ms", &Engine::load_ms)
      .def_prop_ro("is_encoder", &Engine::is_encoder);
}

}  // namespace tidemill::python
