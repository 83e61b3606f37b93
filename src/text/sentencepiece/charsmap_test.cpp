#include "text/sentencepiece/charsmap.h"

#include <gtest/gtest.h>

#include "text/sentencepiece/charsmap_test.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

const std::map<std::string, std::string> kRules = {
    {"\t", " "}, {"ﬁ", "fi"}, {"e\u0301", "é"}, {"ab", "X"}, {"abc", "Y"}, {"…", "..."}, {"\u00AD", ""}, {"\r", " "},
};

Charsmap rules() {
  return Charsmap(make_charsmap_blob(kRules), "map");
}

TEST(Charsmap, FindsTheShortestAndTheLongest) {
  const Charsmap map = rules();
  EXPECT_EQ(map.shortest("abcd").replacement, "X");
  EXPECT_EQ(map.shortest("abcd").n_bytes, 2u);
  EXPECT_EQ(map.longest("abcd").replacement, "Y");
  EXPECT_EQ(map.longest("abcd").n_bytes, 3u);
  EXPECT_EQ(map.longest("abd").replacement, "X");
  EXPECT_EQ(map.longest("a").n_bytes, 0u);
  EXPECT_EQ(map.longest("").n_bytes, 0u);
  EXPECT_EQ(map.longest(std::string_view("\0a", 2)).n_bytes, 0u);
  EXPECT_EQ(map.shortest("\u00AD").n_bytes, 2u);
  EXPECT_EQ(map.shortest("\u00AD").replacement, "");
}

TEST(Charsmap, TheLongestRuleEndsWithACharacter) {
  const Charsmap map(make_charsmap_blob({{"\xC3", "X"}, {"a", "b"}, {"a\xC3", "c"}}), "map");
  EXPECT_EQ(map.longest("é").n_bytes, 0u);
  EXPECT_EQ(map.longest("aé").replacement, "b");
  EXPECT_EQ(map.shortest("é").replacement, "X");
}

TEST(Charsmap, KnowsWhatBeginsRules) {
  const Charsmap map = rules();
  EXPECT_FALSE(map.begins_rule('x'));
  EXPECT_TRUE(map.begins_rule('e'));
  EXPECT_FALSE(map.begins_rule_before_ascii('e'));
  EXPECT_TRUE(map.begins_rule_before_ascii('a'));
  EXPECT_TRUE(map.begins_rule_before_ascii('\t'));
  EXPECT_FALSE(Charsmap().begins_rule('a'));
  EXPECT_EQ(Charsmap().longest("a").n_bytes, 0u);
}

TEST(Charsmap, KnowsWhatStandsBehindTheFirstCharacters) {
  auto all = kRules;
  all["か\u3099"] = "が";
  all["😀é"] = "!";
  const std::vector<uint64_t> later = Charsmap(make_charsmap_blob(all), "map").later_characters();
  std::u32string found;
  for (char32_t c = 0; c < 0x10000; ++c) {
    if (later[c / 64] >> c % 64 & 1) found += c;
  }
  EXPECT_EQ(found, U"bcé\u0301\u3099");
  EXPECT_EQ(Charsmap().later_characters(), std::vector<uint64_t>(1024));
}

// "a" leads to a node that has the children of the root, and so every character may be behind it.
TEST(Charsmap, MapsThatAreNoTreesMayHaveAnyCharacterBehindTheFirst) {
  std::string blob = make_charsmap_blob(kRules);
  constexpr uint32_t kRoot = 256;
  const uint32_t unit = kRoot ^ 'a';
  blob.replace(4 + 4 * unit, 4, little_endian_bytes((unit ^ kRoot) << 10 | 'a'));
  EXPECT_EQ(Charsmap(blob, "map").later_characters(), std::vector<uint64_t>(1024, ~uint64_t{0}));
}

TEST(Charsmap, RefusesBadBlobs) {
  const std::string blob = make_charsmap_blob(kRules);
  for (const std::string& bad : {std::string(), blob.substr(0, 3), blob.substr(0, 100), little_endian_bytes(0),
                                 little_endian_bytes(0xFFFFFFFF) + blob, blob + "\xFF"}) {
    EXPECT_THROW(Charsmap(bad, "map"), Error);
  }
}

TEST(Charsmap, WalksOutOfTheTrieFindNothing) {
  for (const uint32_t root : {0xFFFFFFFFu, 0x7FFFFDFFu, 1u << 10, 0u}) {
    const Charsmap map(little_endian_bytes(8) + little_endian_bytes(root) + little_endian_bytes(0xFFFFFF61), "map");
    for (int byte = 0; byte < 256; ++byte) {
      EXPECT_EQ(map.longest(std::string(3, static_cast<char>(byte))).n_bytes, 0u);
    }
  }
}

TEST(Charsmap, ValuesThatAreNoCharactersFindNothing) {
  const auto with_value = [](uint32_t value) {
    std::string blob = make_charsmap_blob({{"a", "é"}});
    blob.replace(4 + 4 * 512, 4, little_endian_bytes(1u << 31 | value));  // the block of "a"
    const Charsmap map(blob, "map");
    const auto found = map.longest("a");
    return std::pair(found.n_bytes, std::string(found.replacement));
  };
  EXPECT_EQ(with_value(0).second, "é");
  EXPECT_EQ(with_value(1).first, 0u);  // inside the character
  EXPECT_EQ(with_value(2).second, "");
  EXPECT_EQ(with_value(3).second, "");
  EXPECT_EQ(with_value(4).first, 0u);
  EXPECT_EQ(with_value(0x7FFFFFFF).first, 0u);
}

class Precompiled : public testing::Test {
 protected:
  // The normalized text, and per character of it what it stands for: "f[0,3)".
  std::string traced(std::string_view original, size_t at = 0) const {
    NormalizedText text(original, NormalizedText::Track::origins, at);
    normalizer->apply(text);
    NormalizedText untracked(original, NormalizedText::Track::no, at);
    normalizer->apply(untracked);
    EXPECT_EQ(text.text(), untracked.text());
    std::string result;
    const std::string_view bytes = text.text();
    for (uint32_t begin = 0, end; begin < bytes.size(); begin = end) {
      for (end = begin + 1; end < bytes.size() && (static_cast<uint8_t>(bytes[end]) & 0xC0) == 0x80;) ++end;
      const TokenSpan origin = text.origin({begin, end});
      result += std::string(bytes.substr(begin, end - begin)) + "[" + std::to_string(origin.begin) + "," +
                std::to_string(origin.end) + ")";
    }
    return result;
  }

  std::unique_ptr<const Normalizer> normalizer = make_precompiled(make_charsmap_blob(kRules), "map");
};

TEST_F(Precompiled, ReplacesCharactersAndClusters) {
  EXPECT_EQ(traced("a\tﬁ"), "a[0,1) [1,2)f[2,5)i[2,5)");
  EXPECT_EQ(traced("e\u0301x"), "é[0,1)x[3,4)");
  EXPECT_EQ(traced("…"), ".[0,3).[0,3).[0,3)");
  EXPECT_EQ(traced("ﬁ", 7), "f[7,10)i[7,10)");
}

TEST_F(Precompiled, ReplacesAWholeClusterByTheRuleOfItsBeginning) {
  EXPECT_EQ(traced("\r\n"), " [0,1)");
  EXPECT_EQ(traced("e\u0301\u0302"), "é[0,1)");
  EXPECT_EQ(traced("e\u0301\u0302\u0303"), "e[0,1)\u0301[1,3)\u0302[3,5)\u0303[5,7)");  // too long for a rule
}

TEST_F(Precompiled, RulesOfSeveralCharactersNeedACluster) {
  EXPECT_EQ(traced("abc"), "a[0,1)b[1,2)c[2,3)");
}

TEST_F(Precompiled, CountsWhatIsDroppedToTheCharacterBefore) {
  EXPECT_EQ(traced("a\u00ADb"), "a[0,1)b[3,4)");
  EXPECT_EQ(traced("ﬁ\u00ADb"), "f[0,3)i[3,5)b[5,6)");  // the added i takes the dropped one's place
  EXPECT_EQ(traced("\u00ADab"), "a[0,2)b[2,3)");        // lost at the start: all origins shift
}

TEST_F(Precompiled, LeavesOtherTextAlone) {
  const std::string original = "plain äöü 漢字 \U0001F600";
  NormalizedText text(original, NormalizedText::Track::no);
  normalizer->apply(text);
  EXPECT_EQ(text.text().data(), original.data());
}

}  // namespace
}  // namespace tidemill
