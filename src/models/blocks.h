// What layers of transformers are made of.
#pragma once

#include "ops/ops.h"

namespace tidemill {

enum class NormKind : uint8_t { rms, layer };

struct Norm {
  Tensor weight, bias;  // [d_model] or [head_dim]; an empty weight: none
};

struct Linear {
  Tensor weight;  // [d_out, d_in]
  Tensor bias;    // [d_out]; may be empty
};

inline Tensor with_bias(Ops& ops, const Tensor& x, const Tensor& bias) {
  return bias.empty() ? x : ops.add_row(x, bias);
}

inline Tensor project(Ops& ops, const Tensor& x, const Linear& linear) {
  return with_bias(ops, ops.matmul(x, linear.weight), linear.bias);
}

inline Tensor normed(Ops& ops, const Tensor& x, const Norm& norm, NormKind kind, float eps) {
  if (norm.weight.empty()) return x;
  return kind == NormKind::rms ? ops.rms_norm(x, norm.weight, eps) : ops.layer_norm(x, norm.weight, norm.bias, eps);
}

}  // namespace tidemill
