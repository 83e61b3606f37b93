// What this machine has and which version this is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tidemill {

// "0.1.0", as in CHANGELOG.md.
const char* version();

struct CpuInfo {
  std::string name;                   // "AMD EPYC", "" when the system does not tell
  int n_cores = 1;                    // processors this process may run on (affinity and cgroup quota counted)
  std::vector<std::string> features;  // "avx2", "avx512f", "avx512_vnni", ... that matter to the kernels
};

const CpuInfo& cpu_info();

// Instruction-set targets that the kernels were built for and this machine has, best first ("avx3_dl", "avx2", ...).
std::vector<std::string> available_isas();
// The one in use; TIDEMILL_ISA forces one of `available_isas()`.
std::string active_isa();

// Bytes the system can still give without swapping (MemAvailable, bounded by the cgroup's limit); 0 when unknown.
int64_t available_memory_bytes();
// Greatest resident set of this process so far.
int64_t peak_rss_bytes();

}  // namespace tidemill
