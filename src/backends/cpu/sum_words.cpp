#include "backends/cpu/sum_words.h"

#include <array>
#include <cstddef>

namespace tidemill {

// The thread sanitizer would watch what chooses the clone, which runs before it has begun.
#if defined(__x86_64__) && defined(__linux__) && !defined(__SANITIZE_THREAD__)
__attribute__((target_clones("avx512f", "avx2", "default")))
#endif
uint64_t
sum_words(const uint64_t* words, int64_t n_words) {
  std::array<uint64_t, 32> sums{};
  for (int64_t index = 0; index + 32 <= n_words; index += 32) {
    for (size_t lane = 0; lane < sums.size(); ++lane) sums[lane] += words[index + static_cast<int64_t>(lane)];
  }
  uint64_t total = 0;
  for (const uint64_t sum : sums) total += sum;
  return total;
}

}  // namespace tidemill
