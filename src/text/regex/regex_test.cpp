// Against Oniguruma, over all characters and generated texts: tests/text/test_regex.py.
#include "text/regex/regex.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "text/regex/regex_syntax.h"
#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

// All matches, each after a '|'.
std::string matches(std::string_view pattern, std::string_view text) {
  const Regex regex(pattern, "test");
  RegexMatches all(regex, text);
  std::string found;
  while (const auto match = all.next()) found.append("|").append(text.substr(match->begin, match->end - match->begin));
  return found;
}

ErrorCode error_of(std::string_view pattern) {
  try {
    Regex(pattern, "file: field");
  } catch (const Error& error) {
    EXPECT_TRUE(std::string_view(error.what()).starts_with("file: field: ")) << error.what();
    return error.code();
  }
  return ErrorCode::internal;
}

TEST(Regex, FindsMatchesOneAfterTheOther) {
  EXPECT_EQ(matches(" ?\\p{L}+|\\s+", "a b\u00E9  c"), "|a| b\u00E9|  |c");
  EXPECT_EQ(matches("x*", "axb"), "||x|");
  EXPECT_EQ(matches("", "\u00E9"), "||");
  EXPECT_EQ(matches("(?<=a)b|^a", "ab"), "|a|b");
}

TEST(Regex, KnowsUnicode16WhateverPcreIsInstalled) {
  EXPECT_EQ(matches("\\p{L}+", "a\U000105C0\u1C89b"), "|a\U000105C0\u1C89b");  // both of 16.0
  EXPECT_EQ(matches("[^\\p{L}]+", "\U000105C0-\u1C89"), "|-");
  EXPECT_EQ(matches("\\p{L}+", "\uA7CE"), "");  // of 17.0
  EXPECT_EQ(matches("\\w", "\u00B2\u200D"), "|\u00B2");
  EXPECT_EQ(matches("[\\w]", "\u00B2"), "");
}

TEST(Regex, ReadsRubysSyntax) {
  EXPECT_EQ(matches("^.", "ab\ncd\n"), "|a|c");
  EXPECT_EQ(matches("(?m:.)", "\n"), "|\n");
  EXPECT_EQ(matches("a(?i)b|c", "aB aC c"), "|aB|aC");
  EXPECT_EQ(matches("a{2}+", "aaaaa"), "|aaaa");
  EXPECT_EQ(matches("a{,2}", "aaa"), "|aa|a");
  EXPECT_EQ(matches("a**b", "aab"), "|aab");
  EXPECT_EQ(matches("\\h+", "0fg"), "|0f");
  EXPECT_EQ(matches("[a-z&&[^aeiou]]+", "abcde"), "|bcd");
  EXPECT_EQ(matches("[]a-]+", "]-a"), "|]-a");
  EXPECT_EQ(matches("\\xc3\\xa9\\u00e9\\x{e9}\\351?", "\u00E9\u00E9\u00E9\u00E9"), "|\u00E9\u00E9\u00E9\u00E9");
  EXPECT_EQ(matches("\\pL", "pL"), "|pL");
  EXPECT_EQ(matches("\\b.", "ab c"), "|a| |c");
}

TEST(Regex, RefusesWhatIsMalformed) {
  for (const std::string_view pattern :
       {"(a", "a)", "[a", "*a", "a|*", "[z-a]", "\\p{Nonsense}", "\\p{L", "\\", "\\x{110000}", "\\x{d800}", "(?<n",
        "\xFF", "\\xff", "(?<=a*)b", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "\\k<n>", "a{1,99999}", "\\99"}) {
    EXPECT_EQ(error_of(pattern), ErrorCode::bad_file) << pattern;
  }
  for (const std::string_view pattern : {"(?~a)", "(?x)a", "\\y"}) {
    EXPECT_EQ(error_of(pattern), ErrorCode::unsupported) << pattern;
  }
  EXPECT_EQ(error_of(std::string(100000, '(')), ErrorCode::bad_file);
  EXPECT_EQ(error_of(std::string(100000, '[')), ErrorCode::bad_file);
}

TEST(Regex, EndsCatastrophicSearchesWithAnError) {
  const Regex regex("(a+)+$", "file: field");
  const std::string text = std::string(40, 'a') + "b";
  try {
    regex.find(text, 0);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_file);
    EXPECT_NE(std::string_view(error.what()).find("'(a+)+$'"), std::string_view::npos);
  }
}

// The JIT's stack is small; longer matches go on without it.
TEST(Regex, MatchesLongTexts) {
  std::string text;
  for (int k = 0; k < 200000; ++k) text += "a\u0301";
  EXPECT_EQ(matches("(?:\\p{L}\\p{M}*)+", text).size(), text.size() + 1);
}

TEST(Regex, IsForAnyNumberOfThreads) {
  const Regex regex("\\p{L}+|\\s", "test");
  std::vector<std::thread> threads;
  std::vector<int> counts(4);
  for (int& count : counts) {
    threads.emplace_back([&regex, &count] {
      for (int round = 0; round < 100; ++round) {
        RegexMatches all(regex, "some words here");
        while (all.next()) ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counts, std::vector<int>(4, 500));
}

}  // namespace
}  // namespace tidemill
