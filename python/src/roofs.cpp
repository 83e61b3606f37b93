#include "tidemill/roofs.h"

#include <nanobind/stl/string.h>

#include "python/src/module.h"

namespace tidemill::python {

void bind_roofs(nb::module_& module) {
  nb::class_<Roofs>(module, "Roofs", "What this machine reaches at best, a second; a multiply-add is two operations.")
      .def_ro("n_threads", &Roofs::n_threads)
      .def_ro("read_bytes_s", &Roofs::read_bytes_s, "Of memory far larger than the caches.")
      .def_ro("int8_op_s", &Roofs::int8_op_s)
      .def_ro("bf16_op_s", &Roofs::bf16_op_s)
      .def_ro("f32_op_s", &Roofs::f32_op_s);
  nb::class_<RoofKernels>(module, "RoofKernels", "The instructions that roofs are measured with, by type.")
      .def_ro("int8", &RoofKernels::int8)
      .def_ro("bf16", &RoofKernels::bf16)
      .def_ro("f32", &RoofKernels::f32);
  module.def("roof_kernels", &roof_kernels);
  module.def("measure_roofs", &measure_roofs, nb::arg("n_threads"), nb::call_guard<nb::gil_scoped_release>());
}

}  // namespace tidemill::python
