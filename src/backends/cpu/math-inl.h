// Vector pieces that several kernels share: exp, and loads and stores of fewer elements than a vector holds.
// Included once per Highway target (foreach_target.h).
#if defined(TIDEMILL_BACKENDS_CPU_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TIDEMILL_BACKENDS_CPU_MATH_INL_H_
#undef TIDEMILL_BACKENDS_CPU_MATH_INL_H_
#else
#define TIDEMILL_BACKENDS_CPU_MATH_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstring>
#include <limits>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// e^x with a relative error below 2e-7; 0 below -87.3, infinity above 88.7 or sooner, NaN for NaN.
// x = (n + r) ln 2 with |r| <= 1 / 2, then 2^n 2^r; the polynomial is a minimax fit of (2^r - 1) / r.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp_f32(D d, V x) {
  const V least = hn::Set(d, -87.3f), log2_e = hn::Set(d, 0x1.715476p+0f);
#if HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_AVX3
  x = hn::Min(hn::Set(d, 89.0f), x);  // of the operands the second is the result where one is NaN
  const V n = hn::Round(hn::Mul(x, log2_e));
#else
  const hn::RebindToSigned<D> di;
  const V shift = hn::Set(d, 12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer, in the low bits
  const V shifted = hn::MulAdd(x, log2_e, shift);
  const V n = hn::Sub(shifted, shift);
#endif
#if HWY_NATIVE_FMA
  const V r = hn::MulAdd(x, hn::Set(d, 0x1.4ae0cp-26f), hn::MulSub(x, log2_e, n));
#else  // x log2(e) - n would be rounded before the difference: ln 2 in two parts, of which the first product is exact
  const V first = hn::NegMulAdd(n, hn::Set(d, 0.693145751953125f), x);
  const V r = hn::Mul(hn::NegMulAdd(n, hn::Set(d, 1.428606765330187e-6f), first), log2_e);
#endif
  V p = hn::Set(d, 0x1.5bba14p-10f);
  p = hn::MulAdd(p, r, hn::Set(d, 0x1.3cea88p-7f));
  p = hn::MulAdd(p, r, hn::Set(d, 0x1.c6b752p-5f));
  p = hn::MulAdd(p, r, hn::Set(d, 0x1.ebf9bcp-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 0x1.62e42ap-1f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f));
#if HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_AVX3
  static_assert(hn::MaxLanes(d) == 16);
  const __mmask16 is_normal = _mm512_cmp_ps_mask(x.raw, least.raw, _CMP_NLT_UQ);
  return V{_mm512_maskz_scalef_ps(is_normal, p.raw, n.raw)};  // 2^n p, whatever n is
#else
  const auto exponent = hn::Add(hn::Sub(hn::BitCast(di, shifted), hn::BitCast(di, shift)), hn::Set(di, 127));
  V y = hn::Mul(p, hn::BitCast(d, hn::ShiftLeft<23>(exponent)));
  y = hn::IfThenZeroElse(hn::Lt(x, least), y);
  return hn::IfThenElse(hn::Gt(x, hn::Set(d, 88.3f)), hn::Set(d, std::numeric_limits<float>::infinity()), y);
#endif
}

// tanh x within 1.5e-7: 1 - 2 / (1 + e^2x).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V tanh_f32(D d, V x) {
  const V one = hn::Set(d, 1.0f), two = hn::Set(d, 2.0f);
  return hn::Sub(one, hn::Div(two, hn::Add(one, exp_f32(d, hn::Mul(two, x)))));
}

// The first n elements at p, zeros above; never reads past them.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_first(D d, const T* p, size_t n) {
  HWY_ALIGN T lanes[hn::MaxLanes(d)] = {};
  std::memcpy(lanes, p, n * sizeof(T));
  return hn::Load(d, lanes);
}

// Stores the first n lanes of v at p and nothing else.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE void store_first(D d, hn::Vec<D> v, T* p, size_t n) {
  HWY_ALIGN T lanes[hn::MaxLanes(d)];
  hn::Store(v, d, lanes);
  std::memcpy(p, lanes, n * sizeof(T));
}

// Calls `body(offset, load, store)` for each vector of n elements, the last one perhaps partial: `load(p)` reads the
// elements at p + offset, `store(v, p)` writes them.  The same arithmetic meets every element, so a result does not
// depend on where in the row it stands.
template <class D, class Body>
HWY_INLINE void for_each_vector(D d, size_t n, Body&& body) {
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    body([=](const float* p) HWY_ATTR { return hn::LoadU(d, p + i); },
         [=](hn::Vec<D> v, float* p) HWY_ATTR { hn::StoreU(v, d, p + i); });
  }
  if (i < n) {
    body([=](const float* p) HWY_ATTR { return load_first(d, p + i, n - i); },
         [=](hn::Vec<D> v, float* p) HWY_ATTR { store_first(d, v, p + i, n - i); });
  }
}

// The same with `kVectors` whole vectors at a time as long as so many are left, then one by one: calls
// `body(count, load, store)`, where `load(p, j)` and `store(v, p, j)` are of vector j of decltype(count)::value.
template <size_t kVectors, class D, class Body>
HWY_INLINE void for_each_vectors(D d, size_t n, Body&& body) {
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + kVectors * lanes <= n; i += kVectors * lanes) {
    body(
        std::integral_constant<size_t, kVectors>(),
        [=](const float* p, size_t j) HWY_ATTR { return hn::LoadU(d, p + i + j * lanes); },
        [=](hn::Vec<D> v, float* p, size_t j) HWY_ATTR { hn::StoreU(v, d, p + i + j * lanes); });
  }
  for_each_vector(d, n - i, [&](auto load, auto store) HWY_ATTR {
    body(
        std::integral_constant<size_t, 1>(), [=](const float* p, size_t) HWY_ATTR { return load(p + i); },
        [=](hn::Vec<D> v, float* p, size_t) HWY_ATTR { store(v, p + i); });
  });
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
