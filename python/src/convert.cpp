#include "tidemill/convert.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include "python/src/module.h"
#include "python/src/progress.h"
#include "tidemill/error.h"

namespace tidemill::python {
namespace {

ConvertReport convert(const std::string& model, const std::string& out, const std::optional<std::string>& dtype,
                      int threads, const std::optional<OnShare>& on_progress) {
  Progress progress(on_progress);
  ConvertOptions options{.threads = threads, .on_progress = [&](double share) { return progress(share); }};
  if (dtype) {
    options.dtype = dtype_from_name(*dtype);
    if (!options.dtype)
      throw Error(ErrorCode::invalid_argument, "dtype: '" + printable(*dtype, 50) + "' is none of f32, f16, bf16");
  }
  return progress.watch([&] { return convert_model(model, out, options); });
}

}  // namespace

void bind_convert(nb::module_& module) {
  nb::class_<ConvertReport>(module, "ConvertReport", "What converting a model came to.")
      .def_ro("format", &ConvertReport::format, "\"tmill\", \"gguf\", \"onnx\", \"safetensors\" or \"folder\".")
      .def_ro("n_tensors", &ConvertReport::n_tensors)
      .def_ro("n_bytes", &ConvertReport::n_bytes, "Written.")
      .def_ro("seconds", &ConvertReport::seconds);
  module.def("convert_model", &convert, nb::arg("model"), nb::arg("out"), nb::kw_only(), nb::arg("dtype").none(),
             nb::arg("threads"), nb::arg("on_progress").none());
}

}  // namespace tidemill::python
