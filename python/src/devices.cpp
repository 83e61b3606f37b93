#include "tidemill/devices.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "python/src/module.h"

namespace tidemill::python {

void bind_devices(nb::module_& module) {
  nb::class_<FoundDevice>(module, "FoundDevice", "A device of this machine.")
      .def_ro("name", &FoundDevice::name)
      .def_ro("capability", &FoundDevice::capability,
              "What its kind compares devices by, such as CUDA's \"9.0\"; empty where it tells none.")
      .def_ro("type", &FoundDevice::type, "Of Vulkan's devices, such as \"discrete GPU\".")
      .def_ro("n_cores", &FoundDevice::n_cores, "Of a processor, those that this process may use; 0 where not told.")
      .def_ro("memory_bytes", &FoundDevice::memory_bytes, "Its own; 0 where not told.")
      .def("__repr__", [](const FoundDevice& self) { return "FoundDevice('" + self.name + "')"; });
  nb::class_<DeviceKind>(module, "DeviceKind", "Devices of one kind, and the library that knows them.")
      .def_ro("name", &DeviceKind::name, "\"cpu\", \"cuda\", \"rocm\", \"vulkan\", \"metal\" or \"directml\".")
      .def_ro("is_found", &DeviceKind::is_found)
      .def_ro("is_computed_on", &DeviceKind::is_computed_on, "This build has kernels for it.")
      .def_ro("library", &DeviceKind::library, "That was loaded; empty for none.")
      .def_ro("note", &DeviceKind::note, "The driver's version, or what is missing.")
      .def_ro("devices", &DeviceKind::devices)
      .def("__repr__", [](const DeviceKind& self) {
        const std::string note = self.note.empty() ? "" : ": " + self.note;
        return "DeviceKind('" + self.name + (self.is_found ? "', found" : "', not found") + note + ")";
      });
  module.def("detect_devices", &detect_devices, nb::arg("timeout_s"), nb::call_guard<nb::gil_scoped_release>());
}

}  // namespace tidemill::python
