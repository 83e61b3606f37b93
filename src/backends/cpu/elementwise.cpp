#include "backends/cpu/elementwise.h"

#include "backends/cpu/grain.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/elementwise.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "backends/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

void add_piece(const float* a, const float* b, float* out, int64_t n) {
  for_each_vector(hn::ScalableTag<float>(), static_cast<size_t>(n),
                  [&](auto load, auto store) HWY_ATTR { store(hn::Add(load(a), load(b)), out); });
}

void add_piece_f64(const double* a, const double* b, double* out, int64_t n) {
  const hn::ScalableTag<double> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Add(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, out + i);
  for (; i < n; ++i) out[i] = a[i] + b[i];
}

void scale_piece(const float* x, float factor, float* out, int64_t n) {
  const hn::ScalableTag<float> d;
  for_each_vector(d, static_cast<size_t>(n),
                  [&](auto load, auto store) HWY_ATTR { store(hn::Mul(load(x), hn::Set(d, factor)), out); });
}

void soft_cap_piece(const float* x, float cap, float* out, int64_t n) {
  const hn::ScalableTag<float> d;
  const auto inverse = hn::Set(d, 1.0f / cap), scale = hn::Set(d, cap);
  for_each_vector(d, static_cast<size_t>(n), [&](auto load, auto store) HWY_ATTR {
    store(hn::Mul(tanh_f32(d, hn::Mul(load(x), inverse)), scale), out);
  });
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(add_piece);
HWY_EXPORT(add_piece_f64);
HWY_EXPORT(scale_piece);
HWY_EXPORT(soft_cap_piece);

void add(const float* a, const float* b, float* out, int64_t n) {
  HWY_DYNAMIC_DISPATCH(add_piece)(a, b, out, n);
}
void add(const double* a, const double* b, double* out, int64_t n) {
  HWY_DYNAMIC_DISPATCH(add_piece_f64)(a, b, out, n);
}

void compute(ThreadPool& pool, const op::Add& operation) {
  const auto piece = &HWY_DYNAMIC_DISPATCH(add_piece);
  const float* const a = operation.a.as<float>();
  const float* const b = operation.b.as<float>();
  pool.parallel_for(operation.a.n_elements(), kElementsPerPiece, [&](int64_t begin, int64_t end, int) {
    piece(a + begin, b + begin, operation.out.as<float>() + begin, end - begin);
  });
}

void compute(ThreadPool& pool, const op::AddRow& operation) {
  const auto piece = &HWY_DYNAMIC_DISPATCH(add_piece);
  const int64_t width = operation.row.dim(0);
  if (operation.x.n_elements() == 0) return;
  pool.parallel_for(operation.x.n_elements() / width, rows_per_piece(width), [&](int64_t begin, int64_t end, int) {
    for (int64_t at = begin * width; at < end * width; at += width) {
      piece(operation.x.as<float>() + at, operation.row.as<float>(), operation.out.as<float>() + at, width);
    }
  });
}

void compute(ThreadPool& pool, const op::Scale& operation) {
  const auto piece = &HWY_DYNAMIC_DISPATCH(scale_piece);
  const float* const x = operation.x.as<float>();
  pool.parallel_for(operation.x.n_elements(), kElementsPerPiece, [&](int64_t begin, int64_t end, int) {
    piece(x + begin, operation.factor, operation.out.as<float>() + begin, end - begin);
  });
}

void compute(ThreadPool& pool, const op::SoftCap& operation) {
  const auto piece = &HWY_DYNAMIC_DISPATCH(soft_cap_piece);
  const float* const x = operation.x.as<float>();
  pool.parallel_for(operation.x.n_elements(), kElementsPerPiece, [&](int64_t begin, int64_t end, int) {
    piece(x + begin, operation.cap, operation.out.as<float>() + begin, end - begin);
  });
}

}  // namespace tidemill

#endif  // HWY_ONCE
