#include "tidemill/cache_statistics.h"

#include <nanobind/stl/string.h>

#include <string>

#include "python/src/module.h"

namespace tidemill::python {

void bind_cache_statistics(nb::module_& module) {
  nb::class_<CacheStatistics>(module, "CacheStatistics", "What a cache did since it was made, and what it holds.")
      .def_ro("hits", &CacheStatistics::hits)
      .def_ro("misses", &CacheStatistics::misses)
      .def_ro("evictions", &CacheStatistics::evictions, "What went for want of room.")
      .def_ro("expirations", &CacheStatistics::expirations, "What became too old.")
      .def_ro("entries", &CacheStatistics::entries)
      .def_ro("bytes", &CacheStatistics::bytes, "0 where sizes are not measured.")
      .def_prop_ro("hit_rate", &CacheStatistics::hit_rate, "Hits of all that were asked for; 0 before the first.")
      .def("__repr__", [](const CacheStatistics& self) {
        return "CacheStatistics(hits=" + std::to_string(self.hits) + ", misses=" + std::to_string(self.misses) +
               ", evictions=" + std::to_string(self.evictions) + ", expirations=" + std::to_string(self.expirations) +
               ", entries=" + std::to_string(self.entries) + ", bytes=" + std::to_string(self.bytes) + ")";
      });
}

}  // namespace tidemill::python
