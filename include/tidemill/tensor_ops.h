// Functions of arrays as they come from NumPy and PyTorch: products, attention, activations, normalisation, on the
// kernels that models run on.  What `tidemill.tensor_ops` in Python calls.
//
// Arrays are of f32, f16, bf16 or f64, with any strides, and are never modified; results go to `out`, an array of the
// shape that is said, of one of these types, that overlaps no argument.  Numbers are computed in float32, whatever the
// types are, and rounded to the nearest of the result's type; `dot` and `add` of f64 alone are computed in float64.
// A row of a result is bit-identical whatever the number of rows and of threads.  NaN and infinities go the way that
// IEEE 754 says.
//
// Errors: ShapeError for shapes that do not fit, whose message begins with the argument's name; invalid_argument for
// types and options; out_of_memory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tidemill/array_view.h"
#include "tidemill/error.h"

namespace tidemill {

// Arrays whose shapes do not fit each other.
class ShapeError : public Error {
 public:
  explicit ShapeError(const std::string& message) : Error(ErrorCode::invalid_argument, message) {}
};

// How gelu is computed: by the error function, or 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
// Hendrycks and Gimpel 2016, arXiv:1606.08415.
enum class GeluForm : uint8_t { exact, tanh };

struct ScaledAttention {
  // Broadcast to [..., n_heads, n_queries, n_keys]: of DType::boolean, whether a query sees a key; of floats, what is
  // added to the score.
  std::optional<ArrayView> mask = {};
  bool is_causal = false;           // query i sees keys 0 to i alone
  std::optional<float> scale = {};  // multiplies q . k; 1 / sqrt(head_dim) where it is not said
};

struct Rotation {
  std::span<const int32_t> positions = {};  // [n_tokens]; empty: 0, 1, 2, ...
  double base = 10000;                      // the slowest of the angles turns by about 1 / base for a position
  int64_t n_rotated = 0;                    // elements of a head that turn, an even number, from its first; 0: all
  bool is_interleaved = false;              // pairs are elements 2 j and 2 j + 1; otherwise j and j + n_rotated / 2
};

// [m, n], the shape of a product of a: [m, k] and b: [k, n].  Throws ShapeError for others.
std::vector<int64_t> matmul_shape(const ArrayView& a, const ArrayView& b);

// Methods may be called from any thread.  Calls at the same time do not wait for each other: one of them has the
// threads, the others run on their callers'.  Threads start with the first call that is worth them; in a process that
// was forked after that there are none.
class TensorOps {
 public:
  // All processors the process may use for 0; otherwise as many threads, the caller's among them.
  // Throws invalid_argument below 0 or above 1024.
  explicit TensorOps(int n_threads = 0);
  ~TensorOps();
  TensorOps(const TensorOps&) = delete;
  TensorOps& operator=(const TensorOps&) = delete;

  int n_threads() const;

  // The sum of a[i] * b[i] over arrays of one axis and one length.  Sums of f32 are made of pieces of 16,384 products,
  // which are joined in float64.
  double dot(const ArrayView& a, const ArrayView& b);
  // out = a + b, all of one shape.
  void add(const ArrayView& a, const ArrayView& b, const ArrayView& out);

  // a: [m, k], b: [k, n], out: [m, n].  Sums are in float32; products of bf16 with bf16 may use the processor's own.
  void matmul(const ArrayView& a, const ArrayView& b, const ArrayView& out);

  // softmax(scale q k^T + mask) v.  Vaswani et al. 2017, arXiv:1706.03762, by online softmax, arXiv:2205.14135.
  //   q, out: [..., n_heads, n_queries, head_dim]; k, v: [..., n_kv_heads, n_keys, head_dim], where n_kv_heads divides
  //   n_heads (grouped queries); axes may be missing from the left, in all three alike.
  // A query that sees no key gets zeros.
  void attention(const ArrayView& q, const ArrayView& k, const ArrayView& v, const ScaledAttention& options,
                 const ArrayView& out);

  // Within 3e-7 times the greater of 1 and the input's magnitude.  `out` is of x's shape.
  void gelu(const ArrayView& x, GeluForm form, const ArrayView& out);
  // x / (1 + e^-x), within the same.
  void silu(const ArrayView& x, const ArrayView& out);

  // e^x / sum(e^x) along `axis` (negative: from the last), the greatest x of the axis taken off all before.
  // Where all of them are -infinity, or one is NaN or +infinity, the result is NaN.
  void softmax(const ArrayView& x, int axis, const ArrayView& out);

  // (x - mean) / sqrt(variance + eps) * weight + bias over the last axis; weight and bias, of that axis' length, may be
  // missing.  Ba et al. 2016, arXiv:1607.06450.
  void layer_norm(const ArrayView& x, const std::optional<ArrayView>& weight, const std::optional<ArrayView>& bias,
                  float eps, const ArrayView& out);
  // x / sqrt(mean(x^2) + eps) * weight, likewise.  Zhang and Sennrich 2019, arXiv:1910.07467.
  void rms_norm(const ArrayView& x, const std::optional<ArrayView>& weight, float eps, const ArrayView& out);

  // Rotary position embedding.  Su et al. 2021, arXiv:2104.09864.  x, out: [..., n_tokens, head_dim]: axes before
  // these are heads and texts, which turn alike.  An angle is the float32 product of position and frequency, as models
  // are trained with.
  void rope(const ArrayView& x, const Rotation& rotation, const ArrayView& out);

  // Starts the threads, and runs each kernel once.
  void warm_up();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The same of one number.
float gelu(float x, GeluForm form);
float silu(float x);

}  // namespace tidemill
