// Operations that treat every element alike.  All tensors are contiguous f32 of one shape.
#pragma once

#include "sys/thread_pool.h"
#include "tidemill/tensor.h"

namespace tidemill {

// Kernels::add: out = a + b; `out` may be `a` or `b`.
void add(ThreadPool& pool, const Tensor& a, const Tensor& b, const Tensor& out);

// Kernels::gelu_mul: out = gelu(gate) * up with the tanh form of GELU, within 1e-6 of gelu(gate) times |up|; NaN stays
// NaN.  `out` may be `gate` or `up`.
void gelu_mul(ThreadPool& pool, const Tensor& gate, const Tensor& up, const Tensor& out);

}  // namespace tidemill
