#include "tidemill/profile.h"

#include <nanobind/stl/string.h>

#include "python/src/module.h"

namespace tidemill::python {

void bind_profile(nb::module_& module) {
  nb::class_<ProfileRow>(module, "ProfileRow",
                         "All calls of one kind of operation; of matrix products, with the same weights of any layer.")
      .def_ro("operation", &ProfileRow::operation, "Such as \"matmul\".")
      .def_ro("weights", &ProfileRow::weights, "Such as \"attn_q+attn_k+attn_v\"; empty for what has no matrices.")
      .def_ro("dtypes", &ProfileRow::dtypes, "Of the weights, such as \"q5_0+q5_0+q8_0\".")
      .def_ro("n_calls", &ProfileRow::n_calls)
      .def_ro("seconds", &ProfileRow::seconds)
      .def_ro("bytes_read", &ProfileRow::bytes_read, "Operands and states, each once a call.")
      .def_ro("bytes_written", &ProfileRow::bytes_written)
      .def_ro("int8_operations", &ProfileRow::int8_operations, "A multiply-add is two.")
      .def_ro("f32_operations", &ProfileRow::f32_operations)
      .def("least_seconds", &ProfileRow::least_seconds, nb::arg("roofs"),
           "Seconds that this takes at least on a machine with these roofs, when everything comes from memory.");
}

}  // namespace tidemill::python
