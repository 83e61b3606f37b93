// Loops that do one thing only.  Each is written for the widest instructions that matter and picked at run time, apart
// from the kernels and their TIDEMILL_ISA: a roof is the machine's, whatever the kernels use of it.
#include "tidemill/roofs.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <functional>

#include "backends/cpu/sum_words.h"
#include "sys/thread_pool.h"
#include "tensor/storage.h"
#include "tidemill/stopwatch.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tidemill {
namespace {

constexpr int64_t kReadBytes = int64_t{512} << 20;

// A loop of independent operations that stay in registers.  Its result only keeps the compiler from removing it.
struct Kernel {
  const char* name;
  double n_operations;  // per round; a multiply-add counts as two
  float (*run)(int64_t n_rounds);
};

// Enough chains to hide the latency of any of the units below: 2 a cycle, 4 to 6 cycles each.
constexpr int kChains = 12;

// Portable forms, for the compiler to vectorise with what the build allows.
float f32_plain(int64_t n_rounds) {
  std::array<float, 64> chains{};
  for (int64_t round = 0; round < n_rounds; ++round) {
    for (float& chain : chains) {
#if defined(__FP_FAST_FMAF)
      chain = __builtin_fmaf(chain, 0.5f, 1.0f);
#else
      chain = chain * 0.5f + 1.0f;
#endif
    }
  }
  return chains[0] + chains[63];
}

float int8_plain(int64_t n_rounds) {
  std::array<int8_t, 256> a;
  std::array<int8_t, 256> b;
  a.fill(3);
  b.fill(-5);
  int32_t sum = 0;
  for (int64_t round = 0; round < n_rounds; ++round) {
    asm volatile("" : : "r"(a.data()), "r"(b.data()) : "memory");
    for (size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
  }
  return static_cast<float>(sum);
}

#if defined(__x86_64__)

__attribute__((target("avx2,fma"))) float f32_avx2(int64_t n_rounds) {
  __m256 chains[kChains];
  for (int k = 0; k < kChains; ++k)
    chains[k] = _mm256_set1_ps(static_cast<float>(k));  // unlike, so that none is shared
  const __m256 half = _mm256_set1_ps(0.5f);
  const __m256 one = _mm256_set1_ps(1.0f);
  for (int64_t round = 0; round < n_rounds; ++round) {
#pragma GCC unroll 12
    for (__m256& chain : chains) chain = _mm256_fmadd_ps(chain, half, one);
  }
  for (const __m256& chain : chains) chains[0] = _mm256_add_ps(chains[0], chain);
  return _mm256_cvtss_f32(chains[0]);
}

__attribute__((target("avx512f"))) float f32_avx512(int64_t n_rounds) {
  __m512 chains[kChains];
  for (int k = 0; k < kChains; ++k) chains[k] = _mm512_set1_ps(static_cast<float>(k));
  const __m512 half = _mm512_set1_ps(0.5f);
  const __m512 one = _mm512_set1_ps(1.0f);
  for (int64_t round = 0; round < n_rounds; ++round) {
#pragma GCC unroll 12
    for (__m512& chain : chains) chain = _mm512_fmadd_ps(chain, half, one);
  }
  for (const __m512& chain : chains) chains[0] = _mm512_add_ps(chains[0], chain);
  return _mm512_cvtss_f32(chains[0]);
}

// Without VNNI a product of bytes takes three instructions: pairs to 16 bits, pairs to 32 bits, add.
__attribute__((target("avx2"))) float int8_avx2(int64_t n_rounds) {
  __m256i chains[kChains];
  for (int k = 0; k < kChains; ++k) chains[k] = _mm256_set1_epi32(k);
  __m256i a = _mm256_set1_epi8(3);
  const __m256i b = _mm256_set1_epi8(-5);
  const __m256i ones = _mm256_set1_epi16(1);
  for (int64_t round = 0; round < n_rounds; ++round) {
#pragma GCC unroll 12
    for (__m256i& chain : chains) {
      asm volatile("" : "+x"(a));  // each product anew
      chain = _mm256_add_epi32(chain, _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), ones));
    }
  }
  alignas(32) int32_t sums[8];
  for (const __m256i& chain : chains) chains[0] = _mm256_add_epi32(chains[0], chain);
  _mm256_store_si256(reinterpret_cast<__m256i*>(sums), chains[0]);
  return static_cast<float>(sums[0]);
}

__attribute__((target("avx512f,avx512vnni"))) float int8_avx512_vnni(int64_t n_rounds) {
  __m512i chains[kChains];
  for (int k = 0; k < kChains; ++k) chains[k] = _mm512_set1_epi32(k);
  const __m512i a = _mm512_set1_epi8(3);
  const __m512i b = _mm512_set1_epi8(-5);
  for (int64_t round = 0; round < n_rounds; ++round) {
#pragma GCC unroll 12
    for (__m512i& chain : chains) chain = _mm512_dpbusd_epi32(chain, a, b);
  }
  alignas(64) int32_t sums[16];
  for (const __m512i& chain : chains) chains[0] = _mm512_add_epi32(chains[0], chain);
  _mm512_store_si512(sums, chains[0]);
  return static_cast<float>(sums[0]);
}

// A product of pairs of bf16 is two multiply-adds per lane.
__attribute__((target("avx512f,avx512bf16"))) float bf16_avx512(int64_t n_rounds) {
  __m512 chains[kChains];
  for (int k = 0; k < kChains; ++k) chains[k] = _mm512_set1_ps(static_cast<float>(k));
  const __m512bh a = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5f), _mm512_set1_ps(0.25f));
  for (int64_t round = 0; round < n_rounds; ++round) {
#pragma GCC unroll 12
    for (__m512& chain : chains) chain = _mm512_dpbf16_ps(chain, a, a);
  }
  for (const __m512& chain : chains) chains[0] = _mm512_add_ps(chains[0], chain);
  return _mm512_cvtss_f32(chains[0]);
}

#endif

Kernel best_f32() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return {"avx512", 2.0 * 16 * kChains, f32_avx512};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {"avx2", 2.0 * 8 * kChains, f32_avx2};
#endif
  return {"plain", 2.0 * 64, f32_plain};
}

Kernel best_int8() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512vnni")) return {"avx512_vnni", 2.0 * 64 * kChains, int8_avx512_vnni};
  if (__builtin_cpu_supports("avx2")) return {"avx2", 2.0 * 32 * kChains, int8_avx2};
#endif
  return {"plain", 2.0 * 256, int8_plain};
}

Kernel best_bf16() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bf16")) return {"avx512_bf16", 2.0 * 32 * kChains, bf16_avx512};
#endif
  return best_f32();  // converting bf16 to f32 costs, and computes nothing
}

double best_seconds(int n_runs, const std::function<void()>& action) {
  double best = 1e9;
  for (int run = 0; run < n_runs; ++run) {
    const Stopwatch stopwatch;
    action();
    best = std::min(best, stopwatch.seconds());
  }
  return best;
}

// Operations per second over all threads of the pool.  Many small pieces, so that all threads end together.
double operations_per_second(ThreadPool& pool, const Kernel& kernel) {
  constexpr int64_t kPieces = 200;
  constexpr int64_t kRounds = 20'000;
  std::atomic<float> sink = 0;
  const double seconds = best_seconds(
      15, [&] { pool.parallel_for(kPieces, 1, [&](int64_t, int64_t, int) { sink = kernel.run(kRounds); }); });
  return kPieces * kRounds * kernel.n_operations / seconds;
}

// Bytes per second of reading `memory` once, front to back, with all threads of the pool.
double read_bytes_per_second(ThreadPool& pool, const Storage& memory) {
  const auto* words = reinterpret_cast<const uint64_t*>(memory.data());
  std::atomic<uint64_t> sink = 0;
  const double seconds = best_seconds(7, [&] {
    pool.parallel_for(memory.size_bytes() / 8, 1 << 16,
                      [&](int64_t begin, int64_t end, int) { sink += sum_words(words + begin, end - begin); });
  });
  return static_cast<double>(memory.size_bytes()) / seconds;
}

}  // namespace

RoofKernels roof_kernels() {
  return {best_int8().name, best_bf16().name, best_f32().name};
}

Roofs measure_roofs(int n_threads) {
  ThreadPool pool(n_threads);
  const Storage memory(kReadBytes);
  std::memset(memory.data(), 1, static_cast<size_t>(memory.size_bytes()));  // else all its pages are one zero page
  return {.n_threads = n_threads,
          .read_bytes_s = read_bytes_per_second(pool, memory),
          .int8_op_s = operations_per_second(pool, best_int8()),
          .bf16_op_s = operations_per_second(pool, best_bf16()),
          .f32_op_s = operations_per_second(pool, best_f32())};
}

}  // namespace tidemill
