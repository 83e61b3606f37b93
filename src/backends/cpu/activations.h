// Activations as the int8 kernels read them.
//
// A row of x is cut into groups of 32 with a scale each, and an element becomes an integer of 16 or 12 bits in units of
// that scale: 256 * high + low, two int8 numbers that are multiplied apart, since int8 alone is not enough.  Share of
// positions of Gemma 3 270M (Q4_K_M) where the greatest next token is that of unquantised activations: 97.0% with high
// numbers only, at least 99.8% with both (a simulation over six texts; in this engine 100% on text in eight languages).
// Low numbers only for groups that are loud beside the rest of their row gave 97.2% on the latter; 98% must hold on any
// text.
//
// In Precision::int8 there are high numbers only, which take one product of int8.  Low ones are zeros then, so that
// what reads either of the forms below reads these rows, too, and makes the same bits of them.
//
// Weights of up to 8 bits need both halves of every element: twice the products of int8.  Codes of 4 bits leave room
// in their bytes, so that two elements share one low number r: as panels keep the codes of elements k and k + 16 in one
// byte, c + 16 * d, its product with r is that of c with r and of d with 16 * r.  The elements are
//   x[k] = 256 * high[k] + r   and   x[k + 16] = 256 * high[k + 16] + 16 * r,
// where r = 16 * q + p takes p from x[k + 16] and q from x[k]: both are met to 1/32 of a high step, as with 12 bits,
// for one and a half times the products of int8.  Only where r would be -128, which has no opposite, x[k] is met to
// 3/32: q goes one up.
#pragma once

#include <cstdint>

#include "tensor/panels.h"
#include "tidemill/dtype.h"
#include "tidemill/precision.h"
#include "tidemill/tensor.h"

namespace tidemill {

// A group below this counts as zero, so that products of scales stay normal numbers.
inline constexpr float kLeastMagnitude = 0x1p-80f;

enum class ActivationForm : uint8_t {
  halves,  // a low number for each element
  pairs,   // one for elements k and k + 16
  bytes,   // none
};

// Whether a panel's bytes are codes of elements k and k + 16, which kernels take apart in registers.
constexpr bool has_code_pairs(PanelFormat format) {
  const bool has_room = format.low_bits == 4 && format.high_bits == 0 && !format.is_table();
  return has_room && format.scale_length == kGroupLength;
}

// The form that weights of a format meet; the only place that chooses one.
constexpr ActivationForm activation_form(PanelFormat format, Precision precision) {
  if (precision == Precision::int8) return ActivationForm::bytes;
  return has_code_pairs(format) ? ActivationForm::pairs : ActivationForm::halves;
}

// One group: all that a kernel reads of it lies in one line of cache.  Numbers are -127..127.
struct alignas(64) ActivationGroup {
  int8_t high[kGroupLength];
  int8_t low[kGroupLength];  // pairs: 16 of them, the rest are zeros; bytes: all are
};

// Rows of int8 numbers; the arrays are of the caller.  K = n_cols is a multiple of 32.
struct QuantizedRows {
  int64_t n_cols = 0;
  ActivationForm form = ActivationForm::halves;
  int64_t stride = 0;  // groups from one row to the next
  ActivationGroup* groups = nullptr;
  float* scale = nullptr;   // [n_rows, K / 32], of the integers
  int32_t* sums = nullptr;  // [n_rows, K / 32, 2]; of the integers of 16 elements; pairs: of all, of low numbers

  // Groups from one row to the next: an odd number of lines, so that rows spread over the sets of a cache.
  static constexpr int64_t stride_for(int64_t n_cols) { return n_cols / kGroupLength | 1; }
};

// What a kernel for one weight format needs beside the numbers, per row and part of scale_length elements of k.
struct ActivationTerm {
  float scale;    // of the group's integers, or of its high numbers where a kernel meets no others
  int32_t start;  // what the sum of products starts from: makes good what the codes are higher than the weights
  float sum;      // of the elements, which a weight's min multiplies
};

// Quantises rows [begin, end) of x ([n_rows, K] f32) in out.form.  A row that holds NaN or infinity gets scales of NaN.
void quantize_rows(const Tensor& x, int64_t begin, int64_t end, const QuantizedRows& out);

// The terms of rows [begin, end) for weights of `dtype`, which meet the rows' form, for gemv.h or gemm.h; terms:
// [n_rows, K / scale_length].
enum class Kernel : uint8_t { gemv, gemm };
void make_terms(DType dtype, Kernel kernel, const QuantizedRows& rows, int64_t begin, int64_t end,
                ActivationTerm* terms);

}  // namespace tidemill
