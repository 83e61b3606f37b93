// Vulkan devices by the system's loader.  Vulkan 1.3 specification, sections 4.2 (instances) and 5.1 (physical
// devices). The few structs are declared here, so that no header of Vulkan is needed to build.
#include <array>
#include <cstring>

#include "devices/library.h"
#include "devices/probes.h"

namespace tidemill {
namespace {

struct InstanceCreateInfo {
  int32_t type = 1;  // VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO
  const void* next = nullptr;
  uint32_t flags = 0;
  const void* application = nullptr;
  uint32_t n_layers = 0;
  const char* const* layers = nullptr;
  uint32_t n_extensions = 0;
  const char* const* extensions = nullptr;
};

// The beginning of VkPhysicalDeviceProperties; the whole has 824 bytes.
struct Properties {
  uint32_t api_version = 0;
  uint32_t driver_version = 0;
  uint32_t vendor = 0;
  uint32_t device = 0;
  int32_t type = 0;
  std::array<char, 256> name{};
  std::array<char, 4096> rest{};
};

// VkPhysicalDeviceMemoryProperties.
struct MemoryProperties {
  uint32_t n_types = 0;
  std::array<std::array<uint32_t, 2>, 32> types{};
  uint32_t n_heaps = 0;
  struct Heap {
    uint64_t size = 0;
    uint32_t flags = 0;
  };
  std::array<Heap, 16> heaps{};
};

std::string type_name(int32_t type) {
  constexpr std::array kNames = {"other", "integrated GPU", "discrete GPU", "virtual GPU", "CPU"};
  return type >= 0 && type < static_cast<int32_t>(kNames.size()) ? kNames[static_cast<size_t>(type)] : "other";
}

std::string version_name(uint32_t version) {
  return std::to_string(version >> 22 & 0x7f) + "." + std::to_string(version >> 12 & 0x3ff) + "." +
         std::to_string(version & 0xfff);
}

FoundDevice describe(const Library& library, void* device) {
  Properties properties;
  library.function<void (*)(void*, Properties*)>("vkGetPhysicalDeviceProperties")(device, &properties);
  MemoryProperties memory;
  library.function<void (*)(void*, MemoryProperties*)>("vkGetPhysicalDeviceMemoryProperties")(device, &memory);
  constexpr uint32_t kDeviceLocal = 1;
  uint64_t n_bytes = 0;
  for (uint32_t heap = 0; heap < memory.n_heaps && heap < memory.heaps.size(); ++heap)
    if ((memory.heaps[heap].flags & kDeviceLocal) != 0) n_bytes += memory.heaps[heap].size & ((uint64_t{1} << 50) - 1);
  properties.name.back() = '\0';
  return {.name = properties.name.data(),
          .capability = version_name(properties.api_version),
          .type = type_name(properties.type),
          .memory_bytes = static_cast<int64_t>(n_bytes)};
}

}  // namespace

DeviceKind probe_vulkan() {
  DeviceKind kind{.name = "vulkan"};
  static constexpr const char* kNames[] = {"libvulkan.so.1", "libvulkan.so"};
  const Library library(kNames);
  if (!library.is_loaded()) {
    kind.note = "libvulkan.so.1 is not there; the package libvulkan1 brings it";
    return kind;
  }
  kind.library = library.name();
  const InstanceCreateInfo info;
  void* instance = nullptr;
  const auto create = library.function<int32_t (*)(const InstanceCreateInfo*, const void*, void**)>("vkCreateInstance");
  if (const int32_t error = create(&info, nullptr, &instance); error != 0) {
    kind.note = "there is no driver for it (vkCreateInstance failed with error " + std::to_string(error) + ")";
    return kind;
  }
  const auto list = library.function<int32_t (*)(void*, uint32_t*, void**)>("vkEnumeratePhysicalDevices");
  std::array<void*, 64> devices{};
  uint32_t count = devices.size();
  list(instance, &count, devices.data());
  for (uint32_t index = 0; index < count && index < devices.size(); ++index)
    if (devices[index] != nullptr) kind.devices.push_back(describe(library, devices[index]));
  if (kind.devices.empty()) kind.note = "no driver has a device";
  return kind;
}

}  // namespace tidemill
