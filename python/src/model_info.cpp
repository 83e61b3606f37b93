#include "tidemill/model_info.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "python/src/module.h"

namespace tidemill::python {

void bind_model_info(nb::module_& module) {
  nb::class_<TensorInfo>(module, "TensorInfo", "A tensor of a model's file.")
      .def_ro("name", &TensorInfo::name)
      .def_prop_ro(
          "dtype", [](const TensorInfo& self) { return std::string(info(self.dtype).name); }, "Such as \"bf16\".")
      .def_prop_ro("shape",
                   [](const TensorInfo& self) {
                     const auto dims = self.shape.dims();
                     return std::vector<int64_t>(dims.begin(), dims.end());
                   })
      .def_ro("n_bytes", &TensorInfo::size_bytes);
  nb::class_<MemoryNeed>(module, "MemoryNeed", "Bytes that running a model takes; all 0 where it does not run.")
      .def_ro("context_length", &MemoryNeed::context_length, "Positions that it is told for.")
      .def_ro("batch", &MemoryNeed::batch, "Texts at once.")
      .def_ro("weights", &MemoryNeed::weights)
      .def_ro("state", &MemoryNeed::state)
      .def_ro("activations", &MemoryNeed::activations)
      .def_ro("tokenizer", &MemoryNeed::tokenizer)
      .def_prop_ro("total", &MemoryNeed::total);
  nb::class_<ModelInfo>(module, "ModelInfo", "What a model's file holds.")
      .def_ro("path", &ModelInfo::path)
      .def_ro("format", &ModelInfo::format, "Such as \"gguf v3\".")
      .def_ro("name", &ModelInfo::name, "As the file says; may be empty.")
      .def_ro("architecture", &ModelInfo::architecture, "Such as \"gemma3\".")
      .def_ro("file_bytes", &ModelInfo::file_bytes)
      .def_ro("n_parameters", &ModelInfo::n_parameters)
      .def_ro("tensors", &ModelInfo::tensors)
      .def_ro("metadata", &ModelInfo::metadata, "Keys and values as texts; long ones are cut.")
      .def_ro("tokenizer", &ModelInfo::tokenizer, "As the file names its kind; empty when it has none.")
      .def_ro("vocab_size", &ModelInfo::vocab_size)
      .def_ro("context_length", &ModelInfo::context_length)
      .def_ro("runnable", &ModelInfo::runnable)
      .def_ro("why_not_runnable", &ModelInfo::why_not_runnable)
      .def_ro("is_encoder", &ModelInfo::is_encoder, "It makes hidden states of texts and writes none.")
      .def_ro("is_reranker", &ModelInfo::is_reranker)
      .def_ro("memory", &ModelInfo::memory);
  module.def("inspect_model", &inspect_model, nb::arg("model"), nb::arg("context_length"), nb::arg("batch"),
             nb::call_guard<nb::gil_scoped_release>());
}

}  // namespace tidemill::python
