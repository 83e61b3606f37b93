// What a config.json says of weights that were quantised in groups: `quantization_config` of AWQ, GPTQ and
// compressed-tensors.
//
// Facts of the formats: AutoAWQ (awq/models/_config.py), GPTQModel (gptqmodel/quantization/config.py) and
// compressed-tensors (quantization/quant_config.py).
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace tidemill {

enum class GroupFormat : uint8_t {
  awq,                 // AutoAWQ's "gemm"
  gptq,                // zeros are stored less one
  gptq_v2,             // as they are
  compressed_tensors,  // "pack-quantized"
};

// How a matrix may be quantised.
struct GroupKind {
  int bits = 4;
  int64_t group_size = 0;  // 0: a row is one group
  bool has_zeros = true;   // none: all are 2^(bits - 1)

  bool operator==(const GroupKind&) const = default;
};

struct GroupScheme {
  GroupFormat format;
  std::vector<GroupKind> kinds;  // of which a matrix has one, which its shapes tell; never empty
};

// The scheme of a model; nothing where the configuration speaks of none, or of one that models read by themselves
// (mxfp4).  `path` is of config.json.  Throws unsupported, naming the field, for what is not read, and bad_file for
// values that make no sense.
std::optional<GroupScheme> group_scheme(const nlohmann::json& config, const std::string& path);

}  // namespace tidemill
