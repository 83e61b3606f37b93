// Cuts of a text before BPE: the words cover it, and cutting changes no ids.
#include "text/bpe/bpe_cuts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "text/bpe/bpe.h"

namespace tidemill {
namespace {

std::vector<std::string> words_of(const BpeCuts& cuts, const std::string& text, size_t max_words) {
  std::vector<std::string> words;
  std::vector<ByteRange> ranges;
  for (size_t pos = 0; pos < text.size();) {
    ranges.clear();
    pos = cuts.cut(text, pos, text.size(), max_words, ranges);
    EXPECT_LE(ranges.size(), max_words);
    for (const ByteRange& range : ranges) words.push_back(text.substr(range.begin, range.end - range.begin));
  }
  return words;
}

TEST(BpeCuts, CutsBeforeSpacesThatNoTokenReachesAcross) {
  const std::vector<std::string_view> tokens = {"▁th", "▁the", "▁▁", "it", "中国"};
  const BpeCuts cuts{TokenStrings(tokens)};
  const std::string tail(40, 'x');
  const std::vector<std::string> words = words_of(cuts, "it▁the▁▁▁th▁the" + tail, 2);
  std::string joined;
  for (const std::string& word : words) joined += word;
  EXPECT_EQ(joined, "it▁the▁▁▁th▁the" + tail);
  EXPECT_EQ(words[0], "it");
  EXPECT_EQ(words[1], "▁the");
}

TEST(BpeCuts, DoNotChangeIds) {
  const std::vector<std::string> symbols = {"▁", "a", "b", "中", "国", "é", "<unk>"};
  std::mt19937 rng(5);
  for (int round = 0; round < 60; ++round) {
    std::vector<std::string> tokens = symbols;
    std::vector<std::pair<std::string, std::string>> merges;
    while (tokens.size() < 40) {
      const std::string left = tokens[rng() % tokens.size()], right = tokens[rng() % tokens.size()];
      if (left == "<unk>" || right == "<unk>" || left.size() + right.size() > 30) continue;
      if (std::find(tokens.begin(), tokens.end(), left + right) != tokens.end()) continue;
      tokens.push_back(left + right);
      merges.emplace_back(left, right);
    }
    std::vector<std::string_view> names(tokens.begin(), tokens.end());
    std::vector<std::pair<std::string_view, std::string_view>> views(merges.begin(), merges.end());
    const auto cut = make_bpe({.names = names, .merges = views, .unknown = "<unk>"}, "test");
    // A model that may fuse unknown characters does not cut; there are none here.
    const auto whole = make_bpe({.names = names, .merges = views, .fuse_unknown = true, .unknown = "<unk>"}, "test");
    std::string text;
    for (int k = 0; k < 2000; ++k) text += symbols[rng() % 6];
    size_t middle = text.size() / 3;
    while ((text[middle] & 0xC0) == 0x80) ++middle;
    const std::vector<ByteRange> pieces = {{0, static_cast<uint32_t>(middle)},
                                           {static_cast<uint32_t>(middle), static_cast<uint32_t>(text.size())}};
    struct Answer {
      std::vector<int32_t> ids, ids_alone;
      std::vector<ByteRange> ranges;
      std::vector<uint32_t> pieces;
    };
    const auto encode = [&](const PieceModel& model) {
      Answer answer;
      const auto scratch = model.make_scratch();
      model.encode(text, pieces, *scratch, {answer.ids, &answer.ranges, &answer.pieces});
      model.encode(text, pieces, *scratch, {answer.ids_alone});
      return answer;
    };
    const Answer a = encode(*cut), b = encode(*whole);
    ASSERT_EQ(a.ids, b.ids);
    ASSERT_EQ(a.ids_alone, b.ids);
    ASSERT_EQ(a.pieces, b.pieces);
    ASSERT_EQ(a.ranges.size(), b.ranges.size());
    for (size_t k = 0; k < a.ranges.size(); ++k) {
      ASSERT_EQ(a.ranges[k].begin, b.ranges[k].begin);
      ASSERT_EQ(a.ranges[k].end, b.ranges[k].end);
    }
  }
}

}  // namespace
}  // namespace tidemill
