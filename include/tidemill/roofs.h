// The roofs of this machine: what reading memory and computing can reach here at best.
#pragma once

#include <cstdint>
#include <string>

namespace tidemill {

// Figures per second over all threads; a multiply-add counts as two operations.
struct Roofs {
  int n_threads = 1;
  double read_bytes_s = 0;  // of memory far larger than the caches, front to back
  double int8_op_s = 0;     // products of bytes, summed in 32 bits
  double bf16_op_s = 0;     // products of bf16, summed in f32; f32's where there is no such instruction
  double f32_op_s = 0;
};

// What the operations are measured with: "avx512_vnni", "avx512_bf16", "avx2", "plain", ...
struct RoofKernels {
  std::string int8, bf16, f32;
};
RoofKernels roof_kernels();

// Takes about a second and 512 MB while it measures; each figure is the best of several runs, because a roof is what is
// possible, not what is usual.  Throws invalid_argument for a number of threads out of range and out_of_memory.
Roofs measure_roofs(int n_threads);

}  // namespace tidemill
