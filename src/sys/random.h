// Random: a small, seedable source of random numbers that is the same on every machine.
// PCG32, O'Neill 2014, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms".
#pragma once

#include <cstdint>

namespace tidemill {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(0) {
    next();
    state_ += seed;
    next();
  }

  // Uniform over all 32-bit numbers.
  uint32_t next() {
    const uint64_t old = state_;
    state_ = old * 6364136223846793005ull + 1442695040888963407ull;
    const auto shifted = static_cast<uint32_t>(((old >> 18u) ^ old) >> 27u);
    const auto rotation = static_cast<uint32_t>(old >> 59u);
    return (shifted >> rotation) | (shifted << ((32u - rotation) & 31u));
  }

  // Uniform in [0, 1) with 53 random bits.
  double uniform() {
    const uint64_t high = next();
    return static_cast<double>(((high << 32) | next()) >> 11) * 0x1.0p-53;
  }

 private:
  uint64_t state_;
};

}  // namespace tidemill
