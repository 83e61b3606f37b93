// One function for each kind of device: loads its library and asks.  Called in a child process, for libraries crash.
#pragma once

#include "tidemill/devices.h"

namespace tidemill {

DeviceKind probe_cuda();    // NVIDIA's driver
DeviceKind probe_rocm();    // AMD's HIP run time
DeviceKind probe_vulkan();  // the loader of the system
DeviceKind probe_directml();

// A count that a library gives, kept to what a machine can have.
inline int sane_count(int64_t n) {
  constexpr int kMostDevices = 256;
  return n < 0 ? 0 : n > kMostDevices ? kMostDevices : static_cast<int>(n);
}

}  // namespace tidemill
