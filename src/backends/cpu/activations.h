// Activations as the int8 kernels read them.
//
// A row of x is cut into groups of 32.  A group whose greatest magnitude is a has the scale s = a / 127 and the numbers
// high = round(x / s).  That alone loses most where a group holds an outlier: the step is then coarse for its
// neighbours and large beside the rest of the row.  So a group that is loud within its own row (a above kLoud times the
// root mean square of the row's a) also has low = round(256 * (x / s - high)) and stands for s * (high + low / 256),
// which is as good as 16 bits at twice the products.
//
// Loudness depends on nothing but the row, and low is zero in quiet groups: a kernel may use the low numbers of a quiet
// row, as it does where a neighbour in its tile is loud, and gets the same bits.
#pragma once

#include <cstdint>

#include "tidemill/dtype.h"
#include "tidemill/tensor.h"

namespace tidemill {

// Zero: every group that is not zero is loud.  Share of positions of Gemma 3 270M (Q4_K_M) where the greatest next token
// is that of unquantised activations: without low numbers 97.0%, with them everywhere at least 99.8% (both simulated,
// six texts); in this engine 1.5 gave 97.2% on text in eight languages and 99.2% on prose, 0 gave 100% on the first.
// 1.5 makes a prefill faster (by how much was measured on a busy machine only), but 98% must hold on any text.
inline constexpr float kLoud = 0.0f;

// A group below this counts as zero, so that products of scales stay normal numbers.
inline constexpr float kLeastMagnitude = 0x1p-80f;

// Rows of int8 numbers; the arrays are of the caller.  K = n_cols is a multiple of 32.
struct QuantizedRows {
  int64_t n_cols = 0;
  int8_t* high = nullptr;       // [n_rows, K], -127..127
  int8_t* low = nullptr;        // [n_rows, K], -127..127
  float* scale = nullptr;       // [n_rows, K / 32]
  int32_t* high_sum = nullptr;  // [n_rows, K / 16], sums of 16 numbers
  int32_t* low_sum = nullptr;   // [n_rows, K / 16]
  uint8_t* is_loud = nullptr;   // [n_rows, K / 256 rounded up], bit g is group g of that superblock

  int64_t n_superblocks() const { return (n_cols + 255) / 256; }
};

// What a kernel for one weight format needs beside the numbers, per row and part of scale_length elements of k.
struct ActivationTerm {
  float scale;         // s
  int32_t high_start;  // what the sum of weight * high starts from: -offset * sum(high)
  int32_t low_start;   // -offset * sum(low)
  float sum;           // s * (sum(high) + sum(low) / 256), which a weight's min multiplies
};

// Quantises rows [begin, end) of x ([n_rows, K] f32); loudness as above.  A row whose squares do not sum to
// a finite number gets scales of NaN.
void quantize_rows(const Tensor& x, int64_t begin, int64_t end, float loud, const QuantizedRows& out);

// The terms of rows [begin, end) for weights of `dtype`; terms: [n_rows, K / scale_length].
void make_terms(DType dtype, const QuantizedRows& rows, int64_t begin, int64_t end, ActivationTerm* terms);

}  // namespace tidemill
