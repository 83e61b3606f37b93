// Arrays of differences between a base and its fine-tune, made small: those of its numbers that are large, or all of
// them in 8 bits.  What `tidemill.delta` in Python calls.
//
// Arrays are flat, of float16, float32 or float64 (DType::f16, f32, f64), aligned to their elements, and never
// modified. Errors: invalid_argument for another type, an index out of range, a number that is no number where that
// cannot be kept; out_of_memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

#include "tidemill/dtype.h"

namespace tidemill {

struct FreeMemory {
  void operator()(void* memory) const { std::free(memory); }
};
// Memory that may be handed over to who frees it with std::free.
using MallocedBytes = std::unique_ptr<std::byte[], FreeMemory>;

struct SparseDelta {
  int64_t n_kept = 0;
  int index_bytes = 4;    // width of the unsigned indices: 8 for arrays above 2^32 elements
  MallocedBytes indices;  // [n_kept], ascending
  MallocedBytes values;   // [n_kept], bits as they were
  double ratio = 1;       // of an array of float16 to values of 2 and indices of 4 bytes, at least 1
};

struct Int8Scale {
  double scale = 1;  // what 1 of int8 stands for
  double ratio = 1;  // of an array of float16 to bytes and a scale of 4 bytes
};

// Methods may be called from any thread; calls of one object wait for each other.
class DeltaArrays {
 public:
  // All processors the process may use for 0; otherwise as many threads, the caller's among them.
  explicit DeltaArrays(int n_threads = 0);
  ~DeltaArrays();
  DeltaArrays(const DeltaArrays&) = delete;
  DeltaArrays& operator=(const DeltaArrays&) = delete;

  // Keeps x where abs(x) >= threshold, which is first rounded to the type of the array; NaN is kept.
  // Throws invalid_argument for a threshold that is NaN.
  SparseDelta compress_sparse(DType dtype, const void* delta, int64_t n, double threshold = 1e-6);

  // `out` [n] becomes the values at their indices, which may come in any order (the last one wins), and 0 elsewhere.
  // `index_bytes` is 4 or 8.  Throws invalid_argument for an index of n or above, which is never written to.
  void decompress_sparse(DType dtype, const void* indices, int index_bytes, const void* values, int64_t n_kept,
                         void* out, int64_t n);

  // quantized[i] = delta[i] / scale, rounded to the nearest, a tie to the even one, within -127 to 127.  The scale is
  // the largest absolute value / 127, or 1 where that is below 1e-10.  It is divided in float32 for float16 and
  // float32, by the scale rounded to it, and in float64 for float64.  Throws invalid_argument for NaN or an infinity.
  Int8Scale compress_int8(DType dtype, const void* delta, int64_t n, int8_t* quantized);

  // out[i] = quantized[i] * scale, in float32 (float64 for float64), rounded to the type.
  void decompress_int8(DType dtype, const int8_t* quantized, int64_t n, double scale, void* out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemill
