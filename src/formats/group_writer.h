// GroupQuantized as the tensors that AWQ, GPTQ and compressed-tensors store (formats/group_reader.h says which), and
// what config.json says of them: group_reader.h and group_scheme.h the other way round.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "formats/group_scheme.h"
#include "tensor/group_quantized.h"
#include "tidemill/dtype.h"
#include "tidemill/tensor.h"

namespace tidemill {

struct GroupTensor {
  std::string name;
  DType dtype;
  Shape shape;
  std::vector<std::byte> bytes;
};

// Whether the format has codes of so many bits.
bool has_group_bits(GroupFormat format, int bits);
// What keeps a matrix of that shape out of the format; empty when it fits.
std::string group_misfit(GroupFormat format, const GroupKind& kind, int64_t n_rows, int64_t n_cols);

// The tensors of one matrix, whose names begin with `prefix` ("model.layers.0.mlp.up_proj").  Scales are stored as
// `scale_dtype`, which is f16 but for compressed_tensors, that has bf16 and f32 as well.
// Throws invalid_argument, naming `prefix`, where the format cannot hold the matrix: bits, rows or columns that do not
// fill words, groups of unequal size, an order of groups (AWQ), zeros in a symmetric scheme, scales that are no numbers
// of `scale_dtype`.
// GPTQ's first version stores zeros less one in whole words, as its own tool does: a zero of 0 borrows from the next.
std::vector<GroupTensor> group_tensors(const std::string& prefix, const GroupQuantized& matrix, GroupFormat format,
                                       const GroupKind& kind, DType scale_dtype = DType::f16);

// `quantization_config` of a model whose matrices are all of that kind but for those of the modules in `plain`
// ("lm_head").  `is_reordered`: some have g_idx.
nlohmann::ordered_json group_config(GroupFormat format, const GroupKind& kind, const std::vector<std::string>& plain,
                                    bool is_reordered);

}  // namespace tidemill
