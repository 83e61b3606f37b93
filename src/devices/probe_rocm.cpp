// ROCm devices by HIP's run time.  HIP API reference, "Device management".
#include <algorithm>
#include <array>

#include "devices/library.h"
#include "devices/probes.h"

namespace tidemill {
namespace {

FoundDevice describe(const Library& library, int device) {
  std::array<char, 256> name{};
  library.function<int (*)(char*, int, int)>("hipDeviceGetName")(name.data(), static_cast<int>(name.size()) - 1,
                                                                 device);
  int major = 0;
  int minor = 0;
  size_t memory = 0;
  library.function<int (*)(int*, int*, int)>("hipDeviceComputeCapability")(&major, &minor, device);
  library.function<int (*)(size_t*, int)>("hipDeviceTotalMem")(&memory, device);
  return {.name = name.data(),
          .capability = std::to_string(major) + "." + std::to_string(minor),
          .memory_bytes = static_cast<int64_t>(std::min(memory, size_t{1} << 50))};
}

}  // namespace

DeviceKind probe_rocm() {
  DeviceKind kind{.name = "rocm"};
  static constexpr const char* kNames[] = {"libamdhip64.so", "libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so.5",
                                           "/opt/rocm/lib/libamdhip64.so"};
  const Library library(kNames);
  if (!library.is_loaded()) {
    kind.note = "libamdhip64.so is not there; ROCm brings it";
    return kind;
  }
  kind.library = library.name();
  int count = 0;
  if (const int error = library.function<int (*)(int*)>("hipGetDeviceCount")(&count); error != 0 || count <= 0) {
    kind.note = "the run time sees no device (error " + std::to_string(error) + ")";
    return kind;
  }
  int version = 0;
  library.function<int (*)(int*)>("hipRuntimeGetVersion")(&version);
  kind.note = "HIP run time " + std::to_string(version);
  for (int device = 0; device < sane_count(count); ++device) kind.devices.push_back(describe(library, device));
  return kind;
}

}  // namespace tidemill
