#include "text/training/count_words.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "text/pre_tokenizers/pre_tokenizers.h"
#include "text/split/split_patterns.h"

namespace tidemill {
namespace {

std::map<std::string, int64_t> words_of(std::string_view text, const WordRules& rules) {
  WordCounts counts;
  count_words(text, rules, counts);
  std::map<std::string, int64_t> found;
  for (size_t k = 0; k < counts.size(); ++k) found[std::string(counts.word(k))] = counts.count(k);
  return found;
}

using Words = std::map<std::string, int64_t>;

TEST(CountWords, NoWordCrossesTheEndOfALine) {
  const WordRules rules{.splitter = find_split_name("gpt2")};
  EXPECT_EQ(words_of("a b\n\n\nb b", rules), (Words{{"a", 1}, {" b", 2}, {"\n", 3}, {"b", 1}}));
}

TEST(CountWords, LineEndsCanBeLeftOut) {
  const PreTokenizerPtr metaspace = make_metaspace({});
  const WordRules rules{.pre_tokenizer = metaspace.get(), .keep_line_ends = false};
  EXPECT_EQ(words_of("a b\n\nb", rules), (Words{{"▁a", 1}, {"▁b", 2}}));
}

TEST(CountWords, WhatIsNotUtf8CountsAsReplacementCharacter) {
  const WordRules rules{.splitter = find_split_name("gpt2")};
  EXPECT_EQ(words_of("\xFF", rules), (Words{{"\uFFFD", 1}}));
}

TEST(CountWords, ALongLineIsCountedWhole) {
  std::string line;
  for (int k = 0; k < 10'000; ++k) line += " w";
  const WordRules rules{.splitter = find_split_name("gpt2")};
  EXPECT_EQ(words_of(line, rules), (Words{{" w", 10'000}}));
}

TEST(LastCut, IsBehindTheLastLineEnd) {
  EXPECT_EQ(last_line_cut("one two\nthree four"), 8u);
  EXPECT_EQ(last_line_cut("one two"), 0u);
}

TEST(LastCut, IsBetweenTwoWords) {
  EXPECT_EQ(last_word_cut("one two three"), 7u);
  EXPECT_EQ(last_word_cut("one two  three"), 3u);
  EXPECT_EQ(last_word_cut("one two ."), 3u);
  EXPECT_EQ(last_word_cut("one é two."), 0u);
  EXPECT_EQ(last_word_cut(" a"), 0u);
  EXPECT_EQ(last_word_cut("a "), 0u);
  EXPECT_EQ(last_word_cut(""), 0u);
}

}  // namespace
}  // namespace tidemill
