#include "backends/cpu/isa.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "tidemill/error.h"
#include "tidemill/system.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/isa.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// The target that dispatch really reaches.
int64_t running_target() {
  return HWY_TARGET;
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tidemill {

namespace {

HWY_EXPORT(running_target);

struct Isa {
  int64_t target;
  std::string_view name;
};

// Best first.
constexpr Isa kIsas[] = {
    {HWY_AVX3_DL, "avx3_dl"}, {HWY_AVX3, "avx3"}, {HWY_AVX2, "avx2"},     {HWY_SSE4, "sse4"},
    {HWY_NEON, "neon"},       {HWY_WASM, "wasm"}, {HWY_SCALAR, "scalar"},
};

// Targets that were compiled and that the processor has; the scalar one always runs.
int64_t usable_targets() {
  static const int64_t targets = (hwy::SupportedTargets() | HWY_SCALAR) & HWY_TARGETS;
  return targets;
}

}  // namespace

void force_isa(std::string_view name) {
  int64_t target = 0;
  std::string names;
  for (const Isa& isa : kIsas) {
    if ((isa.target & usable_targets()) == 0) continue;
    if (isa.name == name) target = isa.target;
    names += (names.empty() ? "" : ", ") + std::string(isa.name);
  }
  if (target == 0) {
    throw Error(ErrorCode::invalid_argument,
                "TIDEMILL_ISA=" + std::string(name) + ": this machine or build does not have it; choose from " + names);
  }
  hwy::SetSupportedTargetsForTest(target);
  hwy::GetChosenTarget().Update(target);
}

void select_isa() {
  static const bool selected = [] {
    usable_targets();  // before they are restricted
    const char* name = std::getenv("TIDEMILL_ISA");
    if (name != nullptr && *name != '\0') force_isa(name);
    return true;
  }();
  static_cast<void>(selected);
}

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const Isa& isa : kIsas) {
    if ((isa.target & usable_targets()) != 0) names.emplace_back(isa.name);
  }
  return names;
}

std::string active_isa() {
  select_isa();
  const int64_t target = HWY_DYNAMIC_DISPATCH(running_target)();
  for (const Isa& isa : kIsas) {
    if (isa.target == target) return std::string(isa.name);
  }
  return "unknown";
}

}  // namespace tidemill
#endif  // HWY_ONCE
