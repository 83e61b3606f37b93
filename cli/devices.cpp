// tidemill devices: what this machine has to compute with.

#include "tidemill/devices.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/engine_options.h"

namespace tidemill::cli {
namespace {

constexpr Option kOptions[] = {
    {.flag = "--timeout",
     .kind = OptionKind::number,
     .value_name = "S",
     .help = "seconds that each library has to answer",
     .fallback = "10",
     .min = 0.1,
     .max = 600},
    kJsonOption,
};

nlohmann::json to_json(const FoundDevice& device) {
  nlohmann::json json = {{"name", device.name}};
  if (!device.capability.empty()) json["capability"] = device.capability;
  if (!device.type.empty()) json["type"] = device.type;
  if (device.n_cores > 0) json["cores"] = device.n_cores;
  if (device.memory_bytes > 0) json["memory_bytes"] = device.memory_bytes;
  return json;
}

nlohmann::json to_json(const DeviceKind& kind) {
  nlohmann::json devices = nlohmann::json::array();
  for (const FoundDevice& device : kind.devices) devices.push_back(to_json(device));
  return {{"kind", kind.name},       {"found", kind.is_found}, {"computes", kind.is_computed_on},
          {"library", kind.library}, {"note", kind.note},      {"devices", devices}};
}

// "NVIDIA H200, capability 9.0, 150.1 GB"
std::string in_words(const FoundDevice& device) {
  std::string text = device.name;
  if (!device.type.empty()) text += ", " + device.type;
  if (device.n_cores > 0) text += ", " + std::to_string(device.n_cores) + (device.n_cores == 1 ? " core" : " cores");
  if (!device.capability.empty()) text += (device.n_cores > 0 ? ", " : ", capability ") + device.capability;
  if (device.memory_bytes > 0) {
    char size[32];
    std::snprintf(size, sizeof(size), ", %.1f GB", static_cast<double>(device.memory_bytes) / 1e9);
    text += size;
  }
  return text;
}

void print(const DeviceKind& kind) {
  const char* const state = kind.is_computed_on ? "used" : kind.is_found ? "found" : "not found";
  if (kind.devices.empty()) std::printf("%-9s %-10s %s\n", kind.name.c_str(), state, kind.note.c_str());
  for (const FoundDevice& device : kind.devices)
    std::printf("%-9s %-10s %s\n", kind.name.c_str(), state, in_words(device).c_str());
}

int run(const Arguments& arguments) {
  const auto kinds = detect_devices(arguments.number("--timeout"));
  if (arguments.flag("--json")) {
    nlohmann::json list = nlohmann::json::array();
    for (const DeviceKind& kind : kinds) list.push_back(to_json(kind));
    std::printf("%s\n", nlohmann::json{{"kinds", list}}.dump().c_str());
    return 0;
  }
  for (const DeviceKind& kind : kinds) print(kind);
  std::fprintf(stderr, "this build computes on processors (used); what is found else is not used\n");
  return 0;
}

}  // namespace

const Command kDevices = {.name = "devices",
                          .summary = "List what this machine has to compute with",
                          .usage = "[--json]",
                          .examples = "  tidemill devices\n  tidemill devices --json\n",
                          .options = kOptions,
                          .run = run};

}  // namespace tidemill::cli
