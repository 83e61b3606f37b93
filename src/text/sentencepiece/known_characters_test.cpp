#include "text/sentencepiece/known_characters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "text/unicode/code_points.h"

namespace tidemill {
namespace {

// Of every size, and the first and last of each.
const std::vector<char32_t> kCharacters = {0,       ' ',     'a',     '~',      0x7F,    0x80,   0xE9,
                                           0x7FF,   0x800,   0x2581,  0x4E2D,   0xD7FF,  0xE000, 0xFFFD,
                                           0x10000, 0x1F600, 0x3FFFF, 0x100000, 0x10FFFF};

TEST(KnownCharacters, FindTokensWithOthers) {
  std::mt19937 rng(11);
  for (int round = 0; round < 200; ++round) {
    KnownCharacters known;
    std::vector<bool> is_known(kCharacters.size());
    for (size_t k = 0; k < kCharacters.size(); ++k) {
      if (rng() % 8 == 0) continue;
      known.add(Utf8Character(kCharacters[k]));
      is_known[k] = true;
    }
    for (size_t k = 0; k < kCharacters.size(); ++k) ASSERT_EQ(known.hold(kCharacters[k]), is_known[k]);
    std::vector<std::string> tokens(rng() % 60);
    std::vector<int32_t> expected;
    for (size_t id = 0; id < tokens.size(); ++id) {
      bool all_known = true;
      for (size_t n = rng() % 5; n > 0; --n) {
        const size_t k = rng() % kCharacters.size();
        append_code_point(tokens[id], kCharacters[k]);
        all_known &= is_known[k];
      }
      if (!all_known) expected.push_back(static_cast<int32_t>(id));
    }
    const std::vector<std::string_view> views(tokens.begin(), tokens.end());
    ASSERT_EQ(known.misspelled(TokenStrings(views)), expected);
  }
}

}  // namespace
}  // namespace tidemill
