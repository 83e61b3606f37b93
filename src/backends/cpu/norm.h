// Root-mean-square normalisation.
#pragma once

#include "sys/thread_pool.h"
#include "tidemill/tensor.h"

namespace tidemill {

// Kernels::rms_norm: out = x / sqrt(mean(x^2) + eps) * weight over the last dimension; x, out: contiguous f32 of any
// rank, weight: f32 [last].  `out` may be `x`.
void rms_norm(ThreadPool& pool, const Tensor& x, const Tensor& weight, float eps, const Tensor& out);

}  // namespace tidemill
