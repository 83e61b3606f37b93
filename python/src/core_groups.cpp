#include "tidemill/core_groups.h"

#include <nanobind/stl/vector.h>

#include "python/src/module.h"

namespace tidemill::python {
namespace {

nb::object run_there(const std::vector<int>& processors, const nb::typed<nb::callable, nb::object()>& work) {
  nb::object result;
  const nb::gil_scoped_release released;
  run_on_processors(processors, [&] {
    const nb::gil_scoped_acquire acquired;
    result = work();
  });
  return result;
}

}  // namespace

void bind_core_groups(nb::module_& module) {
  module.def("n_sockets", &n_sockets);
  module.def("core_groups", &core_groups, nb::arg("n_groups"));
  module.def("run_on_processors", &run_there, nb::arg("processors"), nb::arg("work"));
}

}  // namespace tidemill::python
