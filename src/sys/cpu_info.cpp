#include "sys/cpu_info.h"

#include <sched.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include "sys/cgroup.h"
#include "sys/proc_file.h"

namespace tidemill {
namespace {

// What the kernels can use, as Linux spells it; x86, then Arm.
constexpr std::array<std::string_view, 24> kFeatures = {
    "ssse3",    "sse4_1",   "avx",      "f16c",        "fma",         "avx2",        "avx_vnni", "avx512f",
    "avx512bw", "avx512dq", "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8",
    "amx_bf16", "asimd",    "asimdhp",  "asimddp",     "i8mm",        "bf16",        "sve",      "sve2",
};

bool has_word(std::string_view words, std::string_view word) {
  for (size_t pos = 0; (pos = words.find(word, pos)) != std::string_view::npos; pos += word.size()) {
    const size_t end = pos + word.size();
    const bool begins = pos == 0 || words[pos - 1] == ' ';
    if (begins && (end == words.size() || words[end] == ' ')) return true;
  }
  return false;
}

// The value of the first "key   : value" line; "" when there is none.
std::string_view field(std::string_view text, std::string_view key) {
  const std::string_view line = line_after(text, key).value_or("");
  const size_t colon = line.find(':');
  return colon == std::string_view::npos ? ""
                                         : line.substr(std::min(line.find_first_not_of(" \t", colon + 1), line.size()));
}

CpuInfo read_cpu_info() {
  CpuInfo result = parse_cpuinfo(read_proc_file("/proc/cpuinfo").value_or(""));
  const int n_allowed = std::max(1, static_cast<int>(allowed_processors().size()));
  result.n_cores = usable_cores(n_allowed, read_cgroup_limits().n_cpus.value_or(0));
  return result;
}

}  // namespace

CpuInfo parse_cpuinfo(std::string_view text) {
  CpuInfo result;
  result.name = field(text, "model name");
  std::string_view words = field(text, "flags");       // x86
  if (words.empty()) words = field(text, "Features");  // Arm
  for (const std::string_view feature : kFeatures) {
    if (has_word(words, feature)) result.features.emplace_back(feature);
  }
  return result;
}

std::vector<int> allowed_processors() {
  std::vector<int> processors;
  // The kernel wants a set as large as its own, which only trying tells.
  for (int n_bits = 1024; n_bits <= 1 << 20; n_bits *= 2) {
    cpu_set_t* set = CPU_ALLOC(n_bits);
    if (set == nullptr) break;
    const size_t size = CPU_ALLOC_SIZE(n_bits);
    const int result = ::sched_getaffinity(0, size, set);
    const bool too_small = result != 0 && errno == EINVAL;
    for (int number = 0; result == 0 && number < n_bits; ++number)
      if (CPU_ISSET_S(static_cast<size_t>(number), size, set)) processors.push_back(number);
    CPU_FREE(set);
    if (!processors.empty() || !too_small) break;
  }
  if (processors.empty())
    for (int number = 0; number < static_cast<int>(std::thread::hardware_concurrency()); ++number)
      processors.push_back(number);
  return processors;
}

int usable_cores(int n_allowed, double n_cpus) {
  if (n_cpus <= 0 || n_cpus >= n_allowed) return n_allowed;
  return std::max(1, static_cast<int>(n_cpus));
}

const CpuInfo& cpu_info() {
  static const CpuInfo result = read_cpu_info();
  return result;
}

}  // namespace tidemill
