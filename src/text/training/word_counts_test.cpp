#include "text/training/word_counts.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace tidemill {
namespace {

std::map<std::string, int64_t> contents(const WordCounts& counts) {
  std::map<std::string, int64_t> found;
  for (size_t k = 0; k < counts.size(); ++k) found[std::string(counts.word(k))] += counts.count(k);
  return found;
}

TEST(WordCounts, CountsWordsOfEveryLength) {
  WordCounts counts;
  std::map<std::string, int64_t> expected;
  for (size_t length = 0; length < 70; ++length) {
    for (char c = 'a'; c < 'k'; ++c) {
      const std::string word = std::string(length / 2, 'x') + std::string(length - length / 2, c);
      counts.add(word);
      counts.add(word, c - 'a' + 1);
      expected[word] += c - 'a' + 2;
    }
  }
  EXPECT_EQ(contents(counts), expected);
  EXPECT_EQ(counts.size(), expected.size());
}

TEST(WordCounts, GrowsAndAddsUpWithOthers) {
  WordCounts one, two;
  for (int k = 0; k < 20'000; ++k) one.add(std::to_string(k));
  for (int k = 10'000; k < 30'000; ++k) two.add(std::to_string(k), 2);
  one.add(two);
  EXPECT_EQ(one.size(), 30'000u);
  EXPECT_EQ(one.total(), 20'000 + 40'000);
  EXPECT_EQ(contents(one)["15000"], 3);
  EXPECT_EQ(contents(one)["29999"], 2);
}

TEST(WordCounts, SortsByBytes) {
  WordCounts counts;
  for (const char* word : {"b", "\xC3\xA9", "a", "ab", ""}) counts.add(word);
  std::string sorted;
  for (const uint32_t k : counts.sorted()) sorted += std::string(counts.word(k)) + "|";
  EXPECT_EQ(sorted, "|a|ab|b|\xC3\xA9|");
}

}  // namespace
}  // namespace tidemill
