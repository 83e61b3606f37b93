// Speed of the CPU matmul beside its limits:  matmul_bench [--threads N] [--batch N] ... [--best] [--f32 | --int8]
// [FORMAT ...]
//
// Per weight format: one row of activations (decoding) in GB/s of weights, beside the bandwidth of plain reading; 512
// rows (prefill) in GOP/s, beside what the products of these kernels reach in registers (TIDEMILL_ISA chooses which);
// and for every --batch so many rows over weights that no cache holds (sequences that are decoded together).  Medians
// of rounds that take all measurements in turn, so that a disturbance hits all of them, or with --best the best of
// them.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "backends/cpu/isa.h"
#include "backends/cpu/isa_peaks.h"
#include "backends/cpu/matmul.h"
#include "backends/cpu/random_weights.h"
#include "tidemill/system.h"

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

// Products in registers with the instructions of the kernels, by all threads.
constexpr int64_t kPeakRounds = 100'000;

double multiply_everywhere(ThreadPool& pool, double (*multiply)(int64_t n_rounds)) {
  std::atomic<double> n_operations = 0;
  pool.parallel_for(pool.n_threads(), 1, [&](int64_t, int64_t, int) { n_operations = multiply(kPeakRounds); });
  return n_operations * pool.n_threads();
}

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

  double speed(bool is_best) {
    std::sort(seconds.begin(), seconds.end());
    return amount / seconds[is_best ? 0 : seconds.size() / 2];
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
    add_peak("int" + std::to_string(integer_bits()) + " peak", multiply_integers);
    add_peak("float peak", multiply_floats);
    for (const DType dtype : dtypes) add(dtype, batches);
  }

  void add_peak(const std::string& name, double (*multiply)(int64_t n_rounds)) {
    const double n_operations = multiply_everywhere(pool, multiply);
    rows.push_back({name, "GOP/s", n_operations * 1e-9, [this, multiply] { multiply_everywhere(pool, multiply); }, {}});
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
  bool is_best = false;
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
    } else if (argument == "--best") {
      is_best = true;
    } else if (argument == "--int8") {
      precision = Precision::int8;
    } else if (argument == "--f32") {
      precision = Precision::f32;
    } else if (const auto dtype = dtype_from_name(argument); dtype && has_panels(*dtype)) {
      dtypes.push_back(*dtype);
    } else {
      std::fprintf(
          stderr,
          "usage: matmul_bench [--threads N] [--rounds N] [--batch N] ... [--best] [--f32 | --int8] [FORMAT ...]\n");
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
    std::printf("%-16s %8.1f %s\n", row.name.c_str(), row.speed(is_best), row.unit.c_str());
  }
}
