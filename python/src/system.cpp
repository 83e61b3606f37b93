#include "tidemill/system.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "python/src/module.h"

namespace tidemill::python {

void bind_system(nb::module_& module) {
  nb::class_<CpuInfo>(module, "CpuInfo")
      .def_ro("name", &CpuInfo::name)
      .def_ro("n_cores", &CpuInfo::n_cores)
      .def_ro("features", &CpuInfo::features);
  module.def("cpu_info", &cpu_info, nb::rv_policy::reference);
  module.def("available_isas", &available_isas);
  module.def("active_isa", &active_isa);
}

}  // namespace tidemill::python
