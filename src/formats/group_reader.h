// The tensors that AWQ, GPTQ and compressed-tensors store a matrix in, read and checked.
//
//   AWQ "gemm" (AutoAWQ, awq/modules/linear/gemm.py), K inputs, N outputs, G groups:
//     NAME.qweight i32 [K, N / 8]; NAME.qzeros i32 [G, N / 8]; NAME.scales f16 [G, N]; codes in kAwqOrder
//   GPTQ (GPTQModel, gptqmodel/nn_modules/qlinear/__init__.py), b bits:
//     NAME.qweight i32 [K * b / 32, N], codes along inputs; NAME.qzeros i32 [G, N * b / 32]; NAME.scales f16 [G, N];
//     NAME.g_idx i32 [K], the group of each input
//   compressed-tensors "pack-quantized" (compressors/pack_quantized):
//     NAME.weight_packed i32 [N, ceil(K * b / 32)], codes bit after bit; of older versions [N, ceil(K / r)], with
//     r = 32 / b whole codes a word; NAME.weight_scale [N, G]; NAME.weight_zero_point i32 [words of N, G], or i8 [N, G]
//     of the oldest; NAME.weight_shape [2]; NAME.weight_g_idx i32 [K]
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/group_scheme.h"
#include "formats/weights.h"
#include "tensor/group_quantized.h"

namespace tidemill {

// What the names of a matrix's tensors end in; the first is the one with its codes.
struct GroupSuffixes {
  std::string_view codes, zeros, scales, g_idx, shape;  // empty: there is none

  std::vector<std::string_view> all() const;
};
const GroupSuffixes& group_suffixes(GroupFormat format);

// The matrix whose tensors' names begin with `prefix` ("model.layers.0.mlp.up_proj").  Throws bad_file, naming the
// tensor and what was expected, for tensors that are missing, have another dtype or shape, or name groups that are
// not there.
GroupQuantized read_group_quantized(const Weights& weights, const std::string& prefix, const GroupScheme& scheme);

}  // namespace tidemill
