#include "tidemill/delta_store.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "python/src/module.h"

namespace tidemill::python {
namespace {

void bind_answers(nb::module_& module) {
  nb::class_<StoredDelta>(module, "StoredDelta", "A delta in a store.")
      .def_ro("name", &StoredDelta::name)
      .def_ro("mode", &StoredDelta::mode)
      .def_ro("hash", &StoredDelta::hash, "Of the .tmdelta, 32 digits.")
      .def_ro("n_bytes", &StoredDelta::n_bytes, "Of the .tmdelta.")
      .def_ro("n_own_bytes", &StoredDelta::n_own_bytes, "That removing it would free.")
      .def_ro("n_restored_bytes", &StoredDelta::n_restored_bytes, "Of the fine-tune.")
      .def_ro("base", &StoredDelta::base, "Files of the base that it needs.");
  nb::class_<DeltaStoreProblem>(module, "DeltaStoreProblem", "What is damaged in a store.")
      .def_ro("delta", &DeltaStoreProblem::delta, "Its name.")
      .def_ro("what", &DeltaStoreProblem::what, "One sentence.");
  nb::class_<DeltaStore::Added>(module, "AddedDelta", "What adding a delta to a store came to.")
      .def_ro("name", &DeltaStore::Added::name)
      .def_ro("n_bytes", &DeltaStore::Added::n_bytes, "Of the delta.")
      .def_ro("n_new_bytes", &DeltaStore::Added::n_new_bytes, "That the store did not have.");
  nb::class_<DeltaStore::Collected>(module, "CollectedGarbage", "What was deleted from a store.")
      .def_ro("n_objects", &DeltaStore::Collected::n_objects)
      .def_ro("n_bytes", &DeltaStore::Collected::n_bytes);
}

}  // namespace

void bind_delta_store(nb::module_& module) {
  bind_answers(module);
  const nb::call_guard<nb::gil_scoped_release> without_gil;
  nb::class_<DeltaStore>(module, "DeltaStore")
      .def(nb::init<std::string>(), nb::arg("folder"))
      .def("add", &DeltaStore::add, nb::arg("delta"), nb::arg("name"), without_gil)
      .def("deltas", &DeltaStore::list, without_gil)  // `list` would hide the type in the stubs
      .def("get", &DeltaStore::get, nb::arg("name"), nb::arg("out"), without_gil)
      .def("remove", &DeltaStore::remove, nb::arg("name"), without_gil)
      .def("gc", &DeltaStore::gc, without_gil)
      .def("verify", &DeltaStore::verify, without_gil);
}

}  // namespace tidemill::python
