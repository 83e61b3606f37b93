// CUDA devices by the driver's own interface.  CUDA Driver API reference, sections 6.2 to 6.5.
#include <algorithm>
#include <array>

#include "devices/library.h"
#include "devices/probes.h"

namespace tidemill {
namespace {

constexpr int kMajor = 75;  // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, and MINOR behind it
constexpr int kMinor = 76;
constexpr int kNoDevice = 100;  // CUDA_ERROR_NO_DEVICE

FoundDevice describe(const Library& library, int index) {
  const auto get = library.function<int (*)(int*, int)>("cuDeviceGet");
  const auto get_name = library.function<int (*)(char*, int, int)>("cuDeviceGetName");
  const auto get_attribute = library.function<int (*)(int*, int, int)>("cuDeviceGetAttribute");
  const auto get_memory = library.function<int (*)(size_t*, int)>("cuDeviceTotalMem_v2");
  int device = 0;
  if (get(&device, index) != 0) return {.name = "a device that does not answer"};
  std::array<char, 256> name{};
  get_name(name.data(), static_cast<int>(name.size()) - 1, device);
  int major = 0;
  int minor = 0;
  size_t memory = 0;
  get_attribute(&major, kMajor, device);
  get_attribute(&minor, kMinor, device);
  get_memory(&memory, device);
  return {.name = name.data(),
          .capability = std::to_string(major) + "." + std::to_string(minor),
          .memory_bytes = static_cast<int64_t>(std::min(memory, size_t{1} << 50))};
}

}  // namespace

DeviceKind probe_cuda() {
  DeviceKind kind{.name = "cuda"};
  static constexpr const char* kNames[] = {"libcuda.so.1", "libcuda.so"};
  const Library library(kNames);
  if (!library.is_loaded()) {
    kind.note = "libcuda.so.1 is not there; NVIDIA's driver brings it";
    return kind;
  }
  kind.library = library.name();
  if (const int error = library.function<int (*)(unsigned)>("cuInit")(0); error != 0) {
    kind.note = error == kNoDevice ? "the driver sees no device" : "cuInit failed with error " + std::to_string(error);
    return kind;
  }
  int version = 0;
  library.function<int (*)(int*)>("cuDriverGetVersion")(&version);
  kind.note = "driver for CUDA " + std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
  int count = 0;
  library.function<int (*)(int*)>("cuDeviceGetCount")(&count);
  for (int index = 0; index < sane_count(count); ++index) kind.devices.push_back(describe(library, index));
  return kind;
}

}  // namespace tidemill
