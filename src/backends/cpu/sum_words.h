// Reading memory as fast as it can be read: what benchmarks measure bandwidth with.
#pragma once

#include <cstdint>

namespace tidemill {

// The sum of `words`, less what is left of the last 32, in many sums at once, so that only memory limits it.
uint64_t sum_words(const uint64_t* words, int64_t n_words);

}  // namespace tidemill
