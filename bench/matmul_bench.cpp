// Speed of the CPU matmul beside the machine's limits:  matmul_bench [--threads N] [--batch N] ... [FORMAT ...]
//
// Per weight format: one row of activations (decoding) in GB/s of weights, beside the bandwidth of plain reading; 512
// rows (prefill) in GOP/s, beside the peak of the int8 dot product (AVX-512 VNNI; 0 where there is none); and for every
// --batch so many rows over weights that no cache holds (sequences that are decoded together).  Medians of rounds that
// take all measurements in turn, so that a disturbance hits all of them.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "backends/cpu/isa.h"
#include "backends/cpu/matmul.h"
#include "backends/cpu/random_weights.h"
#include "tidemill/system.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tidemill {
namespace {

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// --- The machine's limits.

constexpr int64_t kReadBytes = int64_t{256} << 20;

uint64_t read_all(const uint64_t* words, int64_t n) {
  uint64_t sums[8] = {};
  for (int64_t i = 0; i < n; i += 8) {
    for (int j = 0; j < 8; ++j) sums[j] += words[i + j];
  }
  return sums[0] + sums[1] + sums[2] + sums[3] + sums[4] + sums[5] + sums[6] + sums[7];
}

void read_memory(ThreadPool& pool, const Storage& memory) {
  constexpr int64_t kPiece = 1 << 16;
  pool.parallel_for(kReadBytes / kPiece, 1, [&](int64_t begin, int64_t end, int) {
    volatile uint64_t sink =
        read_all(reinterpret_cast<const uint64_t*>(memory.data() + begin * kPiece), (end - begin) * kPiece / 8);
    static_cast<void>(sink);
  });
}

constexpr int64_t kPeakRounds = 200000;
constexpr double kPeakOperations = 16.0 * 64 * 2 * kPeakRounds;  // 16 instructions of 64 multiply-adds a round

#if defined(__x86_64__)
__attribute__((target("avx512f,avx512vnni"))) void dot_products() {
  __m512i sums[16], weights = _mm512_set1_epi32(rand()), x = _mm512_set1_epi32(rand());
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  for (int64_t i = 0; i < kPeakRounds; ++i) {
#pragma GCC unroll 16
    for (__m512i& sum : sums) asm volatile("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(weights), "v"(x));
  }
}
bool has_dot_products() {
  return __builtin_cpu_supports("avx512vnni");
}
#else
void dot_products() {}
bool has_dot_products() {
  return false;
}
#endif

// --- The kernels.

constexpr int64_t kDecodeRows = 30000, kDecodeCols = 4096;  // larger than any cache, smaller than an output head
constexpr int64_t kPrefillX = 512, kPrefillRows = 2048, kPrefillCols = 2048;
constexpr int64_t kMostBatch = 64;

// A matrix in panels of random numbers, the first 256 rows repeated.
struct Panels {
  Panels(ThreadPool& pool, DType dtype, int64_t n_rows, int64_t n_cols)
      : memory(panel_bytes(dtype, n_rows, n_cols)), tensor(Tensor(memory.data(), dtype, {n_rows, n_cols})) {
    const RandomWeight weight(pool, dtype, 256, n_cols, 1);
    const int64_t n = weight.storage.size_bytes();
    for (int64_t at = 0; at < memory.size_bytes(); at += n) {
      std::memcpy(memory.data() + at, weight.storage.data(),
                  static_cast<size_t>(std::min(n, memory.size_bytes() - at)));
    }
    tensor = tensor.with_panels(memory.data());
  }
  Storage memory;
  Tensor tensor;
};

std::vector<float> activations(int64_t n) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<float> x(static_cast<size_t>(n));
  for (float& value : x) value = normal(random);
  return x;
}

// One measurement: what it does, and what a second of it is worth.
struct Row {
  std::string name;
  std::string unit;
  double amount;  // in `unit` * seconds
  std::function<void()> work;
  std::vector<double> seconds;

  double median() {
    std::sort(seconds.begin(), seconds.end());
    return amount / seconds[seconds.size() / 2];
  }
};

struct Bench {
  Bench(int n_threads, const std::vector<DType>& dtypes, const std::vector<int64_t>& batches, Precision precision)
      : pool(n_threads),
        context(pool, precision),
        read_block(kReadBytes),
        decode_x(activations(kMostBatch * kDecodeCols)),
        prefill_x(activations(kPrefillX * kPrefillCols)),
        decode_out(kMostBatch * kDecodeRows),
        prefill_out(kPrefillX * kPrefillRows) {
    std::memset(read_block.data(), 1, kReadBytes);
    rows.push_back({"read", "GB/s", kReadBytes * 1e-9, [this] { read_memory(pool, read_block); }, {}});
    if (has_dot_products()) {
      rows.push_back({"int8 peak",
                      "GOP/s",
                      kPeakOperations * pool.n_threads() * 1e-9,
                      [this] { pool.parallel_for(pool.n_threads(), 1, [](int64_t, int64_t, int) { dot_products(); }); },
                      {}});
    }
    for (const DType dtype : dtypes) add(dtype, batches);
  }

  void add(DType dtype, const std::vector<int64_t>& batches) {
    const std::string name(info(dtype).name);
    decode.push_back(std::make_unique<Panels>(pool, dtype, kDecodeRows, kDecodeCols));
    const Tensor& w = decode.back()->tensor;
    rows.push_back({name + " decode",
                    "GB/s",
                    decode.back()->memory.size_bytes() * 1e-9,
                    [this, w] { run(w, decode_x, 1, decode_out); },
                    {}});
    for (const int64_t n : batches) {
      rows.push_back({name + " x " + std::to_string(n),
                      "GOP/s",
                      2e-9 * static_cast<double>(n * kDecodeRows * kDecodeCols),
                      [this, w, n] { run(w, decode_x, n, decode_out); },
                      {}});
    }
    prefill.push_back(std::make_unique<Panels>(pool, dtype, kPrefillRows, kPrefillCols));
    const Tensor& v = prefill.back()->tensor;
    rows.push_back({name + " prefill",
                    "GOP/s",
                    2e-9 * kPrefillX * kPrefillRows * kPrefillCols,
                    [this, v] { run(v, prefill_x, kPrefillX, prefill_out); },
                    {}});
  }

  void run(const Tensor& weight, std::vector<float>& x, int64_t n_x, std::vector<float>& out) {
    const Tensor in(x.data(), DType::f32, {n_x, weight.dim(1)}), result(out.data(), DType::f32, {n_x, weight.dim(0)});
    matmul(context, {&in, 1}, {&weight, 1}, {&result, 1});
  }

  ThreadPool pool;
  MatmulContext context;
  Storage read_block;
  std::vector<float> decode_x, prefill_x, decode_out, prefill_out;
  std::vector<std::unique_ptr<Panels>> decode, prefill;
  std::vector<Row> rows;
};

}  // namespace
}  // namespace tidemill

int main(int argc, char** argv) {
  using namespace tidemill;
  int n_threads = 1, n_rounds = 9;
  Precision precision = Precision::fast;
  std::vector<DType> dtypes;
  std::vector<int64_t> batches;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--threads" && i + 1 < argc) {
      n_threads = std::atoi(argv[++i]);
    } else if (argument == "--rounds" && i + 1 < argc) {
      n_rounds = std::atoi(argv[++i]);
    } else if (argument == "--batch" && i + 1 < argc) {
      batches.push_back(std::clamp<int64_t>(std::atoi(argv[++i]), 1, kMostBatch));
    } else if (argument == "--f32") {
      precision = Precision::f32;
    } else if (const auto dtype = dtype_from_name(argument); dtype && has_panels(*dtype)) {
      dtypes.push_back(*dtype);
    } else {
      std::fprintf(stderr, "usage: matmul_bench [--threads N] [--rounds N] [--batch N] ... [--f32] [FORMAT ...]\n");
      return 2;
    }
  }
  if (dtypes.empty()) dtypes.assign(std::begin(kPanelDTypes), std::end(kPanelDTypes));
  select_isa();
  Bench bench(n_threads, dtypes, batches, precision);
  for (int round = 0; round < n_rounds; ++round) {
    for (Row& row : bench.rows) row.seconds.push_back(seconds_of(row.work));
  }
  std::printf("%s, %d thread%s\n", active_isa().c_str(), n_threads, n_threads == 1 ? "" : "s");
  for (Row& row : bench.rows) {
    std::printf("%-16s %8.1f %s\n", row.name.c_str(), row.median(), row.unit.c_str());
  }
}
