// What this machine has to compute with, whether this build can use it or not.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tidemill {

struct FoundDevice {
  std::string name;
  // What its kind compares devices by: the compute capability of CUDA and ROCm ("9.0"), the API version of Vulkan
  // ("1.3.230"), the instruction set of a processor ("avx3_dl"); "" where the kind tells none.
  std::string capability = {};
  std::string type = {};     // of Vulkan's devices: "discrete GPU", "CPU", ...
  int n_cores = 0;           // of a processor, those that this process may use; 0 where not told
  int64_t memory_bytes = 0;  // its own; 0 where not told
};

// Devices of one kind, and the run-time library that knows them.
struct DeviceKind {
  std::string name;             // "cpu", "cuda", "rocm", "vulkan", "metal", "directml"
  bool is_found = false;        // there is at least one device, or (directml) the library that drives them
  bool is_computed_on = false;  // this build has kernels for it
  std::string library = {};     // that was loaded; "" for none
  std::string note = {};        // one sentence: the driver's version, or what is missing
  std::vector<FoundDevice> devices = {};
};

// Every kind, found or not, in the order above.  Each library is loaded in a child process that ends after `timeout_s`
// seconds at the latest, so that one that crashes, hangs or prints does no harm here; the note says so.  Names come
// from the libraries with control characters replaced.  Throws io when the system gives no process.
std::vector<DeviceKind> detect_devices(double timeout_s = 10);

}  // namespace tidemill
