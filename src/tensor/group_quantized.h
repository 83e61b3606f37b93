// A matrix quantised by groups of inputs, as AWQ, GPTQ and compressed-tensors write it, before anybody's packing.
#pragma once

#include <cstdint>
#include <vector>

namespace tidemill {

// [n_rows, n_cols], outputs by inputs: element (n, k) is (q[n, k] - zeros[n, g]) * scales[n, g] in float32, where g is
// the group of input k: g_idx[k], or k / group_size where that is empty.
struct GroupQuantized {
  int64_t n_rows = 0, n_cols = 0;
  int bits = 4;                 // 2 to 8
  int64_t group_size = 0;       // inputs of a group, at most n_cols; with g_idx they need not follow each other
  std::vector<uint8_t> q = {};  // [n_rows, n_cols], one code a byte, below 2^bits
  // [n_rows, n_groups] each.  Zeros are integers, 0 to 2^bits - 1; of symmetric weights all are 2^(bits - 1).
  std::vector<float> scales = {}, zeros = {};
  std::vector<int32_t> g_idx = {};  // [n_cols], groups in the order of importance ("act-order"); empty: in order

  int64_t n_groups() const { return group_size > 0 ? (n_cols + group_size - 1) / group_size : 0; }
};

}  // namespace tidemill
