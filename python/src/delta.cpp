#include "tidemill/delta.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>

#include "python/src/module.h"
#include "python/src/progress.h"
#include "tidemill/error.h"

namespace tidemill::python {
namespace {

DeltaMode mode_of(const std::string& name) {
  for (const DeltaMode mode :
       {DeltaMode::lossless, DeltaMode::sparse, DeltaMode::int8, DeltaMode::int4, DeltaMode::sign, DeltaMode::low_rank})
    if (name == to_string(mode)) return mode;
  throw Error(ErrorCode::invalid_argument,
              "mode: '" + printable(name, 50) + "' is none of lossless, sparse, int8, int4, sign, lowrank");
}

// Does `work` with options that watch over it.
template <typename Work>
auto with_progress(DeltaOptions options, const std::optional<OnShare>& on_progress, Work&& work) {
  Progress progress(on_progress);
  options.on_progress = [&](double share) { return progress(share); };
  return progress.watch([&] { return work(options); });
}

DeltaReport make(const std::string& base, const std::string& tuned, const std::string& out, const std::string& mode,
                 double threshold, int rank, double energy, int threads, const std::optional<OnShare>& on_progress) {
  const DeltaOptions options{
      .mode = mode_of(mode), .threshold = threshold, .rank = rank, .energy = energy, .threads = threads};
  return with_progress(options, on_progress,
                       [&](const DeltaOptions& all) { return make_delta(base, tuned, out, all); });
}

DeltaReport rebase(const std::string& base, const std::vector<std::string>& deltas, const std::string& new_base,
                   const std::string& out, int threads, const std::optional<OnShare>& on_progress) {
  return with_progress({.threads = threads}, on_progress,
                       [&](const DeltaOptions& all) { return rebase_delta(base, deltas, new_base, out, all); });
}

DeltaReport apply(const std::string& base, const std::vector<std::string>& deltas, const std::string& out, int threads,
                  const std::optional<OnShare>& on_progress) {
  return with_progress({.threads = threads}, on_progress,
                       [&](const DeltaOptions& all) { return apply_delta(base, deltas, out, all); });
}

DeltaReport verify(const std::string& base, const std::vector<std::string>& deltas, int threads,
                   const std::optional<OnShare>& on_progress) {
  return with_progress({.threads = threads}, on_progress,
                       [&](const DeltaOptions& all) { return verify_delta(base, deltas, all); });
}

std::vector<TensorChange> diff(const std::string& base, const std::string& tuned, int threads,
                               const std::optional<OnShare>& on_progress) {
  return with_progress({.threads = threads}, on_progress,
                       [&](const DeltaOptions& all) { return diff_models(base, tuned, all); });
}

// The bytes of a tensor, into an array of as many.
void read(const DeltaModel& self, const std::string& name,
          const nb::ndarray<uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>& out) {
  const DeltaInfo::Tensor* tensor = self.find(name);
  if (tensor == nullptr) throw Error(ErrorCode::not_found, printable(name, 200) + ": there is no tensor of this name");
  const nb::gil_scoped_release released;
  self.read(*tensor, 0, {reinterpret_cast<std::byte*>(out.data()), out.size()});
}

void bind_reports(nb::module_& module) {
  nb::class_<DeltaError>(module, "DeltaError", "How far a tensor that comes back nearly is from the fine-tune's.")
      .def_ro("tensor", &DeltaError::tensor)
      .def_ro("relative", &DeltaError::relative, "Root of the squares' sum of what is wrong, over that of the changes.")
      .def_ro("greatest", &DeltaError::greatest, "Of a single weight.")
      .def_ro("rank", &DeltaError::rank, "Of mode \"lowrank\": columns of the thin matrices; else 0.");
  nb::class_<DeltaReport>(module, "DeltaReport", "What making, applying or verifying a delta came to.")
      .def_ro("tuned_bytes", &DeltaReport::n_tuned_bytes)
      .def_ro("delta_bytes", &DeltaReport::n_delta_bytes)
      .def_ro("n_tensors", &DeltaReport::n_tensors)
      .def_ro("seconds", &DeltaReport::seconds)
      .def_ro("errors", &DeltaReport::errors, "Of what was made, where it is not lossless.")
      .def_prop_ro("ratio", &DeltaReport::ratio, "Bytes of the fine-tune over those of the delta.");
  nb::class_<DeltaAdapter>(module, "DeltaAdapter", "What was written as a LoRA adapter.")
      .def_ro("n_modules", &DeltaAdapter::n_modules)
      .def_ro("n_bytes", &DeltaAdapter::n_bytes)
      .def_ro("left_out", &DeltaAdapter::left_out,
              "Changed tensors that are no products of thin matrices: the adapter lacks them.");
  nb::class_<TensorChange>(module, "TensorChange", "What became of a tensor between a base and a fine-tune.")
      .def_ro("tensor", &TensorChange::tensor)
      .def_ro("against", &TensorChange::against, "The base's tensor that it is compared with; empty: it is new.")
      .def_ro("dtype", &TensorChange::dtype)
      .def_ro("shape", &TensorChange::shape)
      .def_ro("n_elements", &TensorChange::n_elements)
      .def_ro("n_changed", &TensorChange::n_changed, "With other bits.")
      .def_ro("greatest", &TensorChange::greatest, "Difference of a weight.");
}

void bind_info(nb::module_& module) {
  nb::class_<DeltaInfo::File>(module, "DeltaFile")
      .def_ro("name", &DeltaInfo::File::name)
      .def_ro("n_bytes", &DeltaInfo::File::n_bytes)
      .def_ro("hash", &DeltaInfo::File::hash);
  nb::class_<DeltaInfo::Tensor>(module, "DeltaTensor")
      .def_ro("name", &DeltaInfo::Tensor::name)
      .def_ro("file", &DeltaInfo::Tensor::file)
      .def_ro("dtype", &DeltaInfo::Tensor::dtype, "Such as \"bf16\".")
      .def_ro("shape", &DeltaInfo::Tensor::shape)
      .def_ro("against", &DeltaInfo::Tensor::against, "The base's tensor that it is coded against; empty: none.")
      .def_ro("n_bytes", &DeltaInfo::Tensor::n_bytes)
      .def_ro("n_coded_bytes", &DeltaInfo::Tensor::n_coded_bytes, "0: as in the base.");
  nb::class_<DeltaInfo>(module, "DeltaInfo", "What a delta says of itself.")
      .def_ro("version", &DeltaInfo::version)
      .def_ro("mode", &DeltaInfo::mode)
      .def_ro("is_folder", &DeltaInfo::is_folder, "What it restores.")
      .def_ro("n_bytes", &DeltaInfo::n_bytes, "Of what it restores.")
      .def_ro("n_delta_bytes", &DeltaInfo::n_delta_bytes)
      .def_ro("ratio", &DeltaInfo::ratio)
      .def_ro("base", &DeltaInfo::base, "Files of the base that it needs.")
      .def_ro("files", &DeltaInfo::files, "Files that it restores.")
      .def_ro("tensors", &DeltaInfo::tensors);
}

}  // namespace

void bind_delta(nb::module_& module) {
  bind_reports(module);
  bind_info(module);
  nb::class_<DeltaModel>(module, "DeltaModel")
      .def(nb::init<const std::string&, const std::vector<std::string>&>(), nb::arg("base"), nb::arg("deltas"),
           nb::call_guard<nb::gil_scoped_release>())
      .def("read", &read, nb::arg("name"), nb::arg("out"))
      .def_prop_ro("tensors", &DeltaModel::tensors, nb::rv_policy::copy);
  const auto progress = nb::arg("on_progress").none() = nb::none();
  module.def("make_delta", &make, nb::arg("base"), nb::arg("tuned"), nb::arg("out"), nb::kw_only(), nb::arg("mode"),
             nb::arg("threshold"), nb::arg("rank"), nb::arg("energy"), nb::arg("threads"), progress);
  module.def("rebase_delta", &rebase, nb::arg("base"), nb::arg("deltas"), nb::arg("new_base"), nb::arg("out"),
             nb::kw_only(), nb::arg("threads"), progress);
  module.def("export_adapter", &export_adapter, nb::arg("delta"), nb::arg("out"), nb::kw_only(), nb::arg("base_name"),
             nb::call_guard<nb::gil_scoped_release>());
  module.def("apply_delta", &apply, nb::arg("base"), nb::arg("deltas"), nb::arg("out"), nb::kw_only(),
             nb::arg("threads"), progress);
  module.def("verify_delta", &verify, nb::arg("base"), nb::arg("deltas"), nb::kw_only(), nb::arg("threads"), progress);
  module.def("diff_models", &diff, nb::arg("base"), nb::arg("tuned"), nb::kw_only(), nb::arg("threads"), progress);
  module.def("read_delta_info", &read_delta_info, nb::arg("delta"), nb::call_guard<nb::gil_scoped_release>());
}

}  // namespace tidemill::python
