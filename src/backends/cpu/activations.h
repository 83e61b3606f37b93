// Activations as the int8 kernels read them.
//
// A row of x is cut into groups of 32.  A group whose greatest magnitude is a has the scale s = a / 127 and two int8
// numbers for each element: high = round(x / s) and low = round(256 * (x / s - high)).  They stand for
// s * (high + low / 256), which is as good as 16 bits at twice the products.
//
// High numbers alone lose too much where a group holds an outlier.  Share of positions of Gemma 3 270M (Q4_K_M) where
// the greatest next token is that of unquantised activations: 97.0% with high numbers only, at least 99.8% with both (a
// simulation over six texts; in this engine 100% on text in eight languages).  Low numbers only for groups that are
// loud beside the rest of their row gave 97.2% on the latter; 98% must hold on any text.
#pragma once

#include <cstdint>

#include "tidemill/dtype.h"
#include "tidemill/tensor.h"

namespace tidemill {

// A group below this counts as zero, so that products of scales stay normal numbers.
inline constexpr float kLeastMagnitude = 0x1p-80f;

// Rows of int8 numbers; the arrays are of the caller.  K = n_cols is a multiple of 32.
struct QuantizedRows {
  int64_t n_cols = 0;
  int8_t* high = nullptr;   // [n_rows, K], -127..127
  int8_t* low = nullptr;    // [n_rows, K], -127..127
  float* scale = nullptr;   // [n_rows, K / 32], s / 256: what 256 * high + low is multiplied by
  int32_t* sums = nullptr;  // [n_rows, K / 16], sums of 256 * high + low over 16 elements
};

// What a kernel for one weight format needs beside the numbers, per row and part of scale_length elements of k.
struct ActivationTerm {
  float scale;    // s / 256
  int32_t start;  // what the sum of weight * (256 * high + low) starts from: -offset times the sum of the latter
  float sum;      // s * the sum of (high + low / 256), which a weight's min multiplies
};

// Quantises rows [begin, end) of x ([n_rows, K] f32).  A row that holds NaN or infinity gets scales of NaN.
void quantize_rows(const Tensor& x, int64_t begin, int64_t end, const QuantizedRows& out);

// The terms of rows [begin, end) for weights of `dtype`; terms: [n_rows, K / scale_length].
void make_terms(DType dtype, const QuantizedRows& rows, int64_t begin, int64_t end, ActivationTerm* terms);

}  // namespace tidemill
