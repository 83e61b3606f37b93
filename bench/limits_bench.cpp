// The roofs of this machine: reading memory, and int8, bf16 and f32 multiply-adds, at best.
//   limits_bench [--json] [N_THREADS...]      (1 and 2 threads by default)
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "tidemill/error.h"
#include "tidemill/roofs.h"

namespace {

using tidemill::RoofKernels;
using tidemill::Roofs;

void print_json(const RoofKernels& kernels, const std::vector<Roofs>& rows) {
  std::printf("{\"int8_kernel\": \"%s\", \"bf16_kernel\": \"%s\", \"f32_kernel\": \"%s\", \"threads\": [",
              kernels.int8.c_str(), kernels.bf16.c_str(), kernels.f32.c_str());
  const char* separator = "";
  for (const Roofs& row : rows) {
    std::printf(
        "%s{\"n\": %d, \"read_gb_s\": %.2f, \"int8_gop_s\": %.1f, \"bf16_gflop_s\": %.1f, \"f32_gflop_s\": %.1f}",
        separator, row.n_threads, row.read_bytes_s / 1e9, row.int8_op_s / 1e9, row.bf16_op_s / 1e9, row.f32_op_s / 1e9);
    separator = ", ";
  }
  std::printf("]}\n");
}

void print_table(const RoofKernels& kernels, const std::vector<Roofs>& rows) {
  std::printf("%7s %12s %12s %14s %14s\n", "threads", "read GB/s", "int8 GOP/s", "bf16 GFLOP/s", "f32 GFLOP/s");
  for (const Roofs& row : rows) {
    std::printf("%7d %12.1f %12.0f %14.0f %14.0f\n", row.n_threads, row.read_bytes_s / 1e9, row.int8_op_s / 1e9,
                row.bf16_op_s / 1e9, row.f32_op_s / 1e9);
  }
  std::printf("measured with %s, %s, %s; a multiply-add counts as two operations\n", kernels.int8.c_str(),
              kernels.bf16.c_str(), kernels.f32.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  bool json = false;
  std::vector<int> thread_counts;
  for (int index = 1; index < argc; ++index) {
    if (std::string_view(argv[index]) == "--json") {
      json = true;
    } else {
      thread_counts.push_back(std::atoi(argv[index]));
    }
  }
  if (thread_counts.empty()) thread_counts = {1, 2};
  try {
    std::vector<Roofs> rows;
    for (const int n_threads : thread_counts) rows.push_back(tidemill::measure_roofs(n_threads));
    json ? print_json(tidemill::roof_kernels(), rows) : print_table(tidemill::roof_kernels(), rows);
    return 0;
  } catch (const tidemill::Error& error) {
    std::fprintf(stderr, "limits_bench: %s\n", error.what());
    return tidemill::exit_status(error.code());
  }
}
