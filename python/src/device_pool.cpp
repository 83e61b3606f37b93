#include "tidemill/device_pool.h"

#include <nanobind/stl/string.h>

#include "python/src/module.h"

namespace tidemill::python {

void bind_device_pool(nb::module_& module) {
  nb::class_<DeviceStatistics>(module, "DeviceStatistics", "What a device of a pool did.")
      .def_ro("name", &DeviceStatistics::name)
      .def_ro("slots", &DeviceStatistics::slots, "Tasks that it runs at once.")
      .def_ro("is_healthy", &DeviceStatistics::is_healthy)
      .def_ro("n_running", &DeviceStatistics::n_running)
      .def_ro("n_answered", &DeviceStatistics::n_answered, "Tasks.")
      .def_ro("n_failed", &DeviceStatistics::n_failed, "Attempts that raised or took too long.")
      .def_ro("n_timeouts", &DeviceStatistics::n_timeouts, "Of those, the ones that took too long.")
      .def_ro("n_late", &DeviceStatistics::n_late, "Answers that were dropped, for another device had the task.")
      .def_ro("n_retired", &DeviceStatistics::n_retired, "Times.")
      .def_ro("busy_s", &DeviceStatistics::busy_s, "Of all slots.")
      .def_ro("latency_s", &DeviceStatistics::latency_s, "Of a task, a mean that forgets; 0 before the first.");
}

}  // namespace tidemill::python
