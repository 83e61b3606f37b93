#include "runtime/stop_matcher.h"

#include <gtest/gtest.h>

#include "sys/random.h"

namespace tidemill {
namespace {

// What a reader sees of `text` when it arrives in pieces of `piece` bytes.
std::string shown(const std::string& text, std::vector<std::string> stops, size_t piece) {
  StopMatcher matcher(std::move(stops));
  std::string result;
  for (size_t begin = 0; begin < text.size(); begin += piece) result += matcher.push(text.substr(begin, piece));
  return result + matcher.finish();
}

TEST(StopMatcher, EndsBeforeTheStopString) {
  EXPECT_EQ(shown("one two three", {"two"}, 100), "one ");
  EXPECT_EQ(shown("one two three", {"four"}, 100), "one two three");
}

TEST(StopMatcher, FindsStopStringsAcrossPieces) {
  for (size_t piece = 1; piece < 8; ++piece) EXPECT_EQ(shown("one two three", {"o th"}, piece), "one tw") << piece;
}

TEST(StopMatcher, TheEarliestStopWins) {
  EXPECT_EQ(shown("abcdef", {"ef", "cd", "d"}, 2), "ab");
}

TEST(StopMatcher, HoldsBackOnlyWhatMayStillStop) {
  StopMatcher matcher({"###"});
  EXPECT_EQ(matcher.push("a#"), "a");
  EXPECT_EQ(matcher.push("#b"), "##b");
  EXPECT_FALSE(matcher.stopped());
  EXPECT_EQ(matcher.push("c###d"), "c");
  EXPECT_TRUE(matcher.stopped());
  EXPECT_EQ(matcher.push("more"), "");
  EXPECT_EQ(matcher.finish(), "");
}

TEST(StopMatcher, OverlappingBeginnings) {
  EXPECT_EQ(shown("aabaaab!", {"aaab"}, 1), "aab");
  EXPECT_EQ(shown("xaab", {"aaab"}, 1), "xaab");
}

TEST(StopMatcher, EmptyStopsAreIgnored) {
  EXPECT_EQ(shown("text", {""}, 1), "text");
}

TEST(StopMatcher, PiecesNeverChangeTheResult) {
  Random random(7);
  for (int round = 0; round < 500; ++round) {
    const auto word = [&](uint32_t longest) {
      std::string text(1 + random.next() % longest, ' ');
      for (char& c : text) c = static_cast<char>('a' + random.next() % 2);
      return text;
    };
    const std::string text = word(30);
    const std::vector<std::string> stops = {word(5), word(5)};
    const std::string expected = shown(text, stops, 1);
    for (size_t piece = 1; piece <= text.size(); ++piece)
      ASSERT_EQ(shown(text, stops, piece), expected) << text << " " << stops[0] << " " << stops[1];
  }
}

}  // namespace
}  // namespace tidemill
