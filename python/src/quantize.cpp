#include "tidemill/quantize.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "python/src/module.h"
#include "python/src/progress.h"
#include "tidemill/error.h"

namespace tidemill::python {
namespace {

QuantizeMethod method_of(const std::string& name) {
  if (const auto method = quantize_method_from_name(name)) return *method;
  throw Error(ErrorCode::invalid_argument,
              "method: '" + printable(name, 50) + "' is not known; give " + std::string(kQuantizeMethodNames));
}

std::optional<GroupLayout> layout_of(const std::optional<std::string>& name) {
  if (!name) return {};
  if (const auto layout = group_layout_from_name(*name)) return layout;
  throw Error(ErrorCode::invalid_argument,
              "layout: '" + printable(*name, 50) + "' is not known; give " + std::string(kGroupLayoutNames));
}

QuantizeReport quantize(const std::string& model, const std::string& out, const std::string& method, double bits,
                        int64_t group_size, const std::optional<std::string>& layout, const std::string& calibration,
                        const std::string& eval, const std::string& work_folder, int threads,
                        const std::optional<OnShare>& on_progress) {
  Progress progress(on_progress);
  const QuantizeOptions options{.method = method_of(method),
                                .bits = bits,
                                .group_size = group_size,
                                .layout = layout_of(layout),
                                .calibration = calibration,
                                .eval = eval,
                                .work_folder = work_folder,
                                .threads = threads,
                                .on_progress = [&](double share) { return progress(share); }};
  return progress.watch([&] { return quantize_model(model, out, options); });
}

}  // namespace

void bind_quantize(nb::module_& module) {
  nb::class_<QuantizedTensor>(module, "QuantizedTensor", "A matrix of a model that was made smaller.")
      .def_ro("name", &QuantizedTensor::name)
      .def_ro("format", &QuantizedTensor::format, "Such as \"q4_k\", of groups \"w4_g128\".")
      .def_ro("n_weights", &QuantizedTensor::n_weights)
      .def_ro("relative_error", &QuantizedTensor::relative_error,
              "Squared errors over squares, of outputs for the calibration text or of weights.");
  nb::class_<QuantizeLoss>(module, "QuantizeLoss", "What changed of a model's answers.")
      .def_ro("divergence", &QuantizeLoss::divergence, "Of the next token in nats; of an encoder 1 - cosine.")
      .def_ro("is_cosine", &QuantizeLoss::is_cosine)
      .def_ro("perplexity_before", &QuantizeLoss::perplexity_before, "Of a decoder.")
      .def_ro("perplexity_after", &QuantizeLoss::perplexity_after)
      .def_ro("n_answers", &QuantizeLoss::n_answers);
  nb::class_<QuantizeReport>(module, "QuantizeReport", "What making a model smaller came to.")
      .def_ro("format", &QuantizeReport::format, "\"gguf\", \"tmill\" or \"folder\".")
      .def_ro("tensors", &QuantizeReport::tensors)
      .def_ro("n_weights", &QuantizeReport::n_weights)
      .def_ro("n_weight_bytes", &QuantizeReport::n_weight_bytes)
      .def_ro("n_bytes", &QuantizeReport::n_bytes)
      .def_ro("seconds", &QuantizeReport::seconds)
      .def_ro("loss", &QuantizeReport::loss, "Where a text to compare on was given.")
      .def_prop_ro("bits_per_weight", &QuantizeReport::bits_per_weight, "Scales included.");
  module.def("quantize_model", &quantize, nb::arg("model"), nb::arg("out"), nb::kw_only(), nb::arg("method"),
             nb::arg("bits"), nb::arg("group_size"), nb::arg("layout").none(), nb::arg("calibration"), nb::arg("eval"),
             nb::arg("work_folder"), nb::arg("threads"), nb::arg("on_progress").none());
}

}  // namespace tidemill::python
