#include <algorithm>
#include <functional>
#include <sstream>

#include "devices/isolated.h"
#include "devices/probes.h"
#include "tidemill/core_groups.h"
#include "tidemill/devices.h"
#include "tidemill/error.h"
#include "tidemill/system.h"

namespace tidemill {
namespace {

// One field a line on the way from the child: names may hold anything but what `printable` takes out.
std::string to_lines(const DeviceKind& kind) {
  std::string text = printable(kind.library) + "\n" + printable(kind.note) + "\n" + (kind.is_found ? "1" : "0") + "\n";
  for (const FoundDevice& device : kind.devices)
    text += printable(device.name) + "\n" + printable(device.capability) + "\n" + printable(device.type) + "\n" +
            std::to_string(device.memory_bytes) + "\n";
  return text;
}

DeviceKind from_lines(const std::string& name, const std::string& text) {
  std::istringstream lines(text);
  DeviceKind kind{.name = name};
  std::string found;
  std::getline(lines, kind.library);
  std::getline(lines, kind.note);
  std::getline(lines, found);
  FoundDevice device;
  std::string memory;
  while (std::getline(lines, device.name) && std::getline(lines, device.capability) &&
         std::getline(lines, device.type) && std::getline(lines, memory)) {
    device.memory_bytes = std::stoll(memory);
    kind.devices.push_back(device);
  }
  kind.is_found = found == "1" || !kind.devices.empty();
  return kind;
}

DeviceKind ask(const std::string& name, const std::function<DeviceKind()>& probe, double timeout_s) {
  const auto work = [&]() -> std::string {
    try {
      return to_lines(probe());
    } catch (const Error& error) {
      return to_lines({.name = name, .note = error.what()});
    }
  };
  const IsolatedResult result = run_isolated(work, timeout_s);
  if (result.is_complete) return from_lines(name, result.output);
  return {.name = name, .note = "its library " + result.problem};
}

DeviceKind this_processor() {
  const CpuInfo& info = cpu_info();
  return {
      .name = "cpu",
      .is_found = true,
      .is_computed_on = true,
      .note = n_sockets() > 1 ? "on " + std::to_string(n_sockets()) + " sockets" : "",
      .devices = {
          {.name = info.name.empty() ? "processor" : info.name, .capability = active_isa(), .n_cores = info.n_cores}}};
}

DeviceKind metal() {
#ifdef __APPLE__
  return {.name = "metal", .note = "this build does not look for Metal's devices"};
#else
  return {.name = "metal", .note = "there is Metal only on Apple's systems"};
#endif
}

}  // namespace

std::vector<DeviceKind> detect_devices(double timeout_s) {
  return {this_processor(),
          ask("cuda", probe_cuda, timeout_s),
          ask("rocm", probe_rocm, timeout_s),
          ask("vulkan", probe_vulkan, timeout_s),
          metal(),
          ask("directml", probe_directml, timeout_s)};
}

}  // namespace tidemill
