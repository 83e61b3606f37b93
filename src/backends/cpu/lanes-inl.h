// Sixteen lanes, one per row of a panel, as the registers of the current Highway target: one of 512 bits, two of 256,
// four of 128, or sixteen scalars.  Kernels are written once in these terms.
//
// Included once per target by the .cpp files that use foreach_target.h.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cstdint>

#if defined(TIDEMILL_BACKENDS_CPU_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TIDEMILL_BACKENDS_CPU_LANES_INL_H_
#undef TIDEMILL_BACKENDS_CPU_LANES_INL_H_
#else
#define TIDEMILL_BACKENDS_CPU_LANES_INL_H_
#endif

// Arrays of registers stay in registers only when loops over them are unrolled before the compiler splits the arrays;
// its own limits are too low for a tile of 24.
#ifndef TIDEMILL_UNROLL
#if defined(__clang__)
#define TIDEMILL_UNROLL _Pragma("clang loop unroll(full)")
#else
#define TIDEMILL_UNROLL _Pragma("GCC unroll 32")
#endif
#endif

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using DF = hn::CappedTag<float, 16>;
using DI = hn::RebindToSigned<DF>;
using DU = hn::RebindToUnsigned<DF>;
using VF = hn::Vec<DF>;
using VI = hn::Vec<DI>;
using VU = hn::Vec<DU>;

inline constexpr int kPartLanes = static_cast<int>(hn::MaxLanes(DF()));
inline constexpr int kParts = 16 / kPartLanes;

template <typename V>
struct Lanes {
  HWY_INLINE Lanes() {}  // an implicit constructor would not be compiled for the target, as those of some registers are
  V part[kParts];
};
using Floats = Lanes<VF>;
using Ints = Lanes<VI>;
using Words = Lanes<VU>;  // 4 bytes per lane: a 64-byte vector of a panel

// How far ahead of their use weights are fetched.  The processor's own prefetchers stop at pages of 4 KiB and see few
// bytes ahead where there is much work per byte.  Measured on Zen 5, one thread, from memory: Q4_0 goes from 22 to 44
// GB/s, Q8_0 from 33 to 37; 2, 4 and 16 KiB gain less.
inline constexpr int kPrefetchBytes = 8192;

HWY_INLINE void prefetch_weights(const void* p) {
  hwy::Prefetch(static_cast<const std::byte*>(p) + kPrefetchBytes);
}

HWY_INLINE Words load_words(const uint8_t* p) {
  Words out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::Load(DU(), reinterpret_cast<const uint32_t*>(p) + i * kPartLanes);
  return out;
}

HWY_INLINE void store_words(const Words& words, uint8_t* p) {
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) hn::Store(words.part[i], DU(), reinterpret_cast<uint32_t*>(p) + i * kPartLanes);
}

// Bits (words >> shift) & mask, for a negative shift (words << -shift) & mask.
template <int kShift>
HWY_INLINE Words shift_and(const Words& words, uint32_t mask) {
  Words out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) {
    VU shifted = words.part[i];
    if constexpr (kShift > 0) shifted = hn::ShiftRight<kShift>(shifted);
    if constexpr (kShift < 0) shifted = hn::ShiftLeft<-kShift>(shifted);
    out.part[i] = hn::And(shifted, hn::Set(DU(), mask));
  }
  return out;
}

HWY_INLINE Words operator|(const Words& a, const Words& b) {
  Words out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::Or(a.part[i], b.part[i]);
  return out;
}

HWY_INLINE Words operator^(const Words& a, uint32_t mask) {
  Words out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::Xor(a.part[i], hn::Set(DU(), mask));
  return out;
}

HWY_INLINE Ints set_ints(int32_t value) {
  Ints out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::Set(DI(), value);
  return out;
}

HWY_INLINE Ints operator+(const Ints& a, const Ints& b) {
  Ints out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::Add(a.part[i], b.part[i]);
  return out;
}

HWY_INLINE Ints operator-(const Ints& a, const Ints& b) {
  Ints out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::Sub(a.part[i], b.part[i]);
  return out;
}

template <int kShift>
HWY_INLINE Ints shift_left(const Ints& a) {
  Ints out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::ShiftLeft<kShift>(a.part[i]);
  return out;
}

template <int kShift>
HWY_INLINE Ints shift_right(const Ints& a) {
  Ints out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::ShiftRight<kShift>(a.part[i]);
  return out;
}

HWY_INLINE Ints operator&(const Ints& a, int32_t mask) {
  Ints out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::And(a.part[i], hn::Set(DI(), mask));
  return out;
}

HWY_INLINE Floats set_floats(float value) {
  Floats out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::Set(DF(), value);
  return out;
}

HWY_INLINE Floats load_floats(const float* p) {
  Floats out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::Load(DF(), p + i * kPartLanes);
  return out;
}

HWY_INLINE Floats load_floats_unaligned(const float* p) {
  Floats out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::LoadU(DF(), p + i * kPartLanes);
  return out;
}

HWY_INLINE void store_floats(const Floats& a, float* p) {
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) hn::Store(a.part[i], DF(), p + i * kPartLanes);
}

HWY_INLINE void store_floats_unaligned(const Floats& a, float* p) {
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) hn::StoreU(a.part[i], DF(), p + i * kPartLanes);
}

// 16 numbers of a type that Highway widens to f32 or i32: f16, bf16 to Floats; i8, u8 to Ints.
template <typename T>
HWY_INLINE Floats widen_to_floats(const T* p) {
  Floats out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) {
    out.part[i] = hn::PromoteTo(DF(), hn::Load(hn::Rebind<T, DF>(), p + i * kPartLanes));
  }
  return out;
}

template <typename T>
HWY_INLINE Ints widen_to_ints(const T* p) {
  Ints out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) {
    out.part[i] = hn::PromoteTo(DI(), hn::Load(hn::Rebind<T, DI>(), p + i * kPartLanes));
  }
  return out;
}

HWY_INLINE Floats to_floats(const Ints& a) {
  Floats out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::ConvertTo(DF(), a.part[i]);
  return out;
}

HWY_INLINE Floats bits_as_floats(const Ints& a) {
  Floats out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::BitCast(DF(), a.part[i]);
  return out;
}

HWY_INLINE Floats operator+(const Floats& a, const Floats& b) {
  Floats out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::Add(a.part[i], b.part[i]);
  return out;
}

HWY_INLINE Floats operator*(const Floats& a, const Floats& b) {
  Floats out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::Mul(a.part[i], b.part[i]);
  return out;
}

HWY_INLINE Floats operator*(const Floats& a, float b) {
  return a * set_floats(b);
}

// a * b + c
HWY_INLINE Floats mul_add(const Floats& a, const Floats& b, const Floats& c) {
  Floats out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) out.part[i] = hn::MulAdd(a.part[i], b.part[i], c.part[i]);
  return out;
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include once per target
