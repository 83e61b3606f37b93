#include "text/pieces/byte_set.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

namespace tidemill {
namespace {

TEST(ByteSet, FindsTheFirstOfItsBytesAndNoOther) {
  std::mt19937 rng(3);
  for (int round = 0; round < 300; ++round) {
    ByteSet set;
    std::array<bool, 256> holds{};
    const size_t n_bytes = rng() % 5;
    for (size_t k = 0; k < n_bytes; ++k) {
      const auto byte = static_cast<uint8_t>(rng());
      set.add(static_cast<char>(byte));
      holds[byte] = true;
    }
    std::string text(rng() % 400, '\0');
    for (char& c : text) c = static_cast<char>(rng());
    for (size_t from = 0; from <= text.size(); from += 1 + rng() % 40) {
      size_t expected = from;
      while (expected < text.size() && !holds[static_cast<uint8_t>(text[expected])]) ++expected;
      ASSERT_EQ(set.find_in(text, from), expected);
    }
  }
}

}  // namespace
}  // namespace tidemill
