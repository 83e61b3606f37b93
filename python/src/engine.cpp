#include "tidemill/engine.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <deque>
#include <map>

#include "python/src/array_argument.h"
#include "python/src/arrays.h"
#include "python/src/module.h"
#include "python/src/session.h"
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
            const std::string& state, const std::string& draft, const std::vector<std::string>& deltas,
            int64_t max_delta_bytes, bool check_weights, bool profile) {
  const nb::gil_scoped_release released;
  return Engine::load(model, {.threads = threads,
                              .context_length = context_length,
                              .precision = precision_of(precision),
                              .state = state,
                              .draft = draft,
                              .deltas = deltas,
                              .max_delta_bytes = max_delta_bytes,
                              .check_weights = check_weights,
                              .profile = profile});
}

// The hidden states of an encoder.
FloatMatrix hidden_of(const Engine& self, const std::vector<int32_t>& ids) {
  std::vector<float> rows;
  {
    const nb::gil_scoped_release released;
    const EncoderInput input{.ids = ids};
    self.encode({&input, 1}, [&](size_t, const Tensor& hidden) {
      rows.assign(hidden.as<float>(), hidden.as<float>() + hidden.n_elements());
    });
  }
  return matrix_of(std::ssize(ids), std::ssize(rows) / std::ssize(ids),
                   [&](float* target) { std::copy(rows.begin(), rows.end(), target); });
}

FloatMatrix rows_of(const Engine& self, const std::vector<int32_t>& ids) {
  if (self.is_encoder()) return hidden_of(self, ids);
  LockedSession session(self);
  return session.score(ids);
}

// Arrays by the names of tensors.
void update(Engine& self, const std::map<std::string, nb::object>& tensors) {
  std::deque<ArrayArgument> arrays;  // which do not move
  std::vector<WeightUpdate> updates;
  for (const auto& [name, array] : tensors) {
    const ArrayView& view = arrays.emplace_back(array, name.c_str()).in_one_piece();
    updates.push_back({.name = name, .tensor = Tensor(view.data, view.dtype, Shape(view.shape))});
  }
  const nb::gil_scoped_release released;
  self.update(updates);
}

}  // namespace

void bind_engine(nb::module_& module) {
  nb::class_<DeltaMemory>(module, "DeltaMemory", "What fine-tunes over a model have decoded of their deltas.")
      .def_ro("n_bytes", &DeltaMemory::n_bytes, "In memory.")
      .def_ro("max_bytes", &DeltaMemory::max_bytes, "Engine.load's max_delta_bytes.")
      .def_ro("n_hits", &DeltaMemory::n_hits, "Tensors that a pass found there.")
      .def_ro("n_misses", &DeltaMemory::n_misses, "Tensors that were decoded.")
      .def_ro("n_evictions", &DeltaMemory::n_evictions, "Tensors that went to make room.");
  nb::class_<MemoryUse>(module, "MemoryUse", "Bytes that a loaded model takes.")
      .def_ro("weights", &MemoryUse::weights)
      .def_ro("state", &MemoryUse::state, "Of one text with a full context; taken as it fills.")
      .def_ro("state_taken", &MemoryUse::state_taken, "Of all texts so far.")
      .def_ro("activations", &MemoryUse::activations);
  nb::class_<Engine>(module, "Engine")
      .def_static("load", &load, nb::arg("model"), nb::kw_only(), nb::arg("threads") = 0, nb::arg("context_length") = 0,
                  nb::arg("precision") = "fast", nb::arg("state") = "auto", nb::arg("draft") = "",
                  nb::arg("deltas") = std::vector<std::string>(), nb::arg("max_delta_bytes") = -1,
                  nb::arg("check_weights") = false, nb::arg("profile") = false)
      .def("with_deltas", &Engine::with_deltas, nb::arg("deltas"), nb::call_guard<nb::gil_scoped_release>())
      .def("update", &update, nb::arg("tensors"))
      .def("apply_deltas", &Engine::apply_deltas, nb::arg("deltas"), nb::call_guard<nb::gil_scoped_release>())
      .def("delta_memory", &Engine::delta_memory)
      .def("memory", &Engine::memory)
      .def("take_profile", &Engine::take_profile, nb::call_guard<nb::gil_scoped_release>())
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
