#include "backends/cpu/isa_peaks.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/isa_peaks.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "backends/cpu/dot_int8-inl.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/wide_units-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// Sums that do not wait for each other, as many as hide what a product takes, within 16 registers.
constexpr int kChains = 12;

// Keeps the compiler from knowing what a register holds, so that each product is computed anew.
template <typename V>
HWY_INLINE void hide([[maybe_unused]] V& v) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
  asm volatile("" : "+x"(v.raw));
#endif
}

double integers_of_target(int64_t n_rounds) {
  VI chains[kChains];
  TIDEMILL_UNROLL
  for (VI& chain : chains) chain = hn::Zero(DI());
  VU weights = hn::Set(DU(), 0x01020103), x = hn::Set(DU(), 0x03010201);
  for (int64_t round = 0; round < n_rounds; ++round) {
    TIDEMILL_UNROLL
    for (VI& chain : chains) {
      hide(weights);
      chain = kHasWideUnits ? dot2(chain, weights, x) : dot4 < HWY_ARCH_ARM != 0 > (chain, weights, x);
      hide(chain);
    }
  }
  return static_cast<double>(n_rounds) * kChains * kPartLanes * (kHasWideUnits ? 2 : 4) * 2;
}

double floats_of_target(int64_t n_rounds) {
  VF chains[kChains];
  TIDEMILL_UNROLL
  for (VF& chain : chains) chain = hn::Zero(DF());
  VF weights = hn::Set(DF(), 0.5f), x = hn::Set(DF(), 0.25f);
  for (int64_t round = 0; round < n_rounds; ++round) {
    TIDEMILL_UNROLL
    for (VF& chain : chains) {
      hide(weights);
      chain = hn::MulAdd(weights, x, chain);
      hide(chain);
    }
  }
  return static_cast<double>(n_rounds) * kChains * kPartLanes * 2;
}

int integer_bits_of_target() {
  return kHasWideUnits ? 16 : 8;
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tidemill {

HWY_EXPORT(integers_of_target);
HWY_EXPORT(floats_of_target);
HWY_EXPORT(integer_bits_of_target);

double multiply_integers(int64_t n_rounds) {
  return HWY_DYNAMIC_DISPATCH(integers_of_target)(n_rounds);
}

double multiply_floats(int64_t n_rounds) {
  return HWY_DYNAMIC_DISPATCH(floats_of_target)(n_rounds);
}

int integer_bits() {
  return HWY_DYNAMIC_DISPATCH(integer_bits_of_target)();
}

}  // namespace tidemill
#endif  // HWY_ONCE
