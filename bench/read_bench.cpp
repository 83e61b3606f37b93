// How fast so many bytes are read again and again, as decoding reads its weights: the roof that the cache sets, or the
// memory, in which they stay.  JSON on stdout: {"threads": {"bytes": GB/s}}.
//   read_bench --threads N[,N...] BYTES...
// Each figure is the best of several runs: a roof is what is possible, not what is usual.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "backends/cpu/sum_words.h"
#include "sys/thread_pool.h"
#include "tensor/storage.h"
#include "tidemill/error.h"

namespace {

using tidemill::Storage;
using tidemill::sum_words;
using tidemill::ThreadPool;

constexpr int64_t kMaxBytes = int64_t{1} << 30;
constexpr int64_t kBytesPerRun = 128 << 20;  // some milliseconds
constexpr int kRuns = 9;

// With all threads of the pool, in pieces as those of a matrix product.
double gb_per_second(ThreadPool& pool, const Storage& memory) {
  const auto* words = reinterpret_cast<const uint64_t*>(memory.data());
  const int64_t n_words = memory.size_bytes() / 8;
  const int64_t n_passes = std::max<int64_t>(1, kBytesPerRun / memory.size_bytes());
  const int64_t grain = std::clamp<int64_t>(n_words / 64, 1 << 10, 1 << 16);
  std::atomic<uint64_t> sink = 0;
  double best = 0;
  for (int run = 0; run < kRuns; ++run) {
    const auto start = std::chrono::steady_clock::now();
    for (int64_t pass = 0; pass < n_passes; ++pass) {
      pool.parallel_for(n_words, grain,
                        [&](int64_t begin, int64_t end, int) { sink += sum_words(words + begin, end - begin); });
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, static_cast<double>(n_passes * memory.size_bytes()) / seconds / 1e9);
  }
  return best;
}

void print_roofs(const std::vector<int>& thread_counts, const std::vector<int64_t>& sizes) {
  const char* comma = "{";
  for (const int n_threads : thread_counts) {
    ThreadPool pool(n_threads);
    std::printf("%s\"%d\": {", comma, n_threads);
    for (size_t index = 0; index < sizes.size(); ++index) {
      const Storage memory(sizes[index]);
      std::memset(memory.data(), 1, static_cast<size_t>(memory.size_bytes()));  // else all pages are one zero page
      std::printf("%s\"%lld\": %.1f", index == 0 ? "" : ", ", static_cast<long long>(sizes[index]),
                  gb_per_second(pool, memory));
    }
    std::printf("}");
    comma = ", ";
  }
  std::printf("}\n");
}

std::vector<int> counts_of(const std::string& list) {
  std::vector<int> counts;
  for (size_t begin = 0; begin < list.size(); begin = std::min(list.size(), list.find(',', begin)) + 1) {
    counts.push_back(std::atoi(list.c_str() + begin));
  }
  return counts;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<int> thread_counts{1, 2};
  std::vector<int64_t> sizes;
  for (int index = 1; index < argc; ++index) {
    if (std::string_view(argv[index]) == "--threads" && index + 1 < argc) {
      thread_counts = counts_of(argv[++index]);
    } else {
      sizes.push_back(std::clamp<int64_t>(std::atoll(argv[index]), 1 << 16, kMaxBytes));
    }
  }
  try {
    print_roofs(thread_counts, sizes);
  } catch (const tidemill::Error& error) {
    std::fprintf(stderr, "read_bench: %s\n", error.what());
    return tidemill::exit_status(error.code());
  }
  return 0;
}
