// Where the time of a model goes, operation by operation.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tidemill/roofs.h"

namespace tidemill {

// All calls of one kind of operation; of matrix products, with the same weights of any layer in the same dtypes.
struct ProfileRow {
  std::string operation = {};  // "matmul"
  std::string weights = {};    // "attn_q+attn_k+attn_v", GGUF's names; "" where an operation has no matrices
  std::string dtypes = {};     // "q5_0+q5_0+q8_0", of these
  int64_t n_calls = 0;
  double seconds = 0;
  int64_t bytes_read = 0;  // operands and states, each once a call, whatever a kernel reads
  int64_t bytes_written = 0;
  int64_t int8_operations = 0;  // multiply-adds as two; those whose weights are of a block format
  int64_t f32_operations = 0;   // all others; of matrix products and attention only

  // Seconds that this takes at least on a machine with these roofs, when everything comes from memory; operands that a
  // cache holds can be quicker.
  double least_seconds(const Roofs& roofs) const;
};

// Rows in descending order of time.
using Profile = std::vector<ProfileRow>;

}  // namespace tidemill
