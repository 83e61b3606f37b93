#include "text/words/ascii_words.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "text/normalizers/normalizers.h"
#include "text/pre_tokenizers/pre_tokenizers.h"

namespace tidemill {
namespace {

struct Words {
  std::string text;
  std::vector<ByteRange> pieces;

  bool operator==(const Words& other) const {
    const auto same = [](ByteRange a, ByteRange b) { return a.begin == b.begin && a.end == b.end; };
    return text == other.text &&
           std::equal(pieces.begin(), pieces.end(), other.pieces.begin(), other.pieces.end(), same);
  }
};

// What the stages themselves make of the word, behind what `words` holds.
void append_by_stages(const Normalizer& normalizer, const PreTokenizer& cutter, std::string_view word, Words& words) {
  NormalizedText text(word, NormalizedText::Track::no);
  normalizer.apply(text);
  std::vector<ByteRange> pieces{{0, static_cast<uint32_t>(text.text().size())}};
  cutter.apply(text, pieces);
  const auto at = static_cast<uint32_t>(words.text.size());
  for (const ByteRange piece : pieces) words.pieces.push_back({at + piece.begin, at + piece.end});
  words.text += text.text();
}

TEST(AsciiWords, BecomeWhatTheStagesMakeOfThem) {
  const NormalizerPtr normalizer = make_bert_normalizer({});
  for (const PreTokenizerPtr& cutter : {make_bert_pre_tokenizer(), make_whitespace(), make_whitespace_split()}) {
    const AsciiWords short_way(*normalizer->ascii_map(), *cutter->ascii_classes());
    std::mt19937 random(1);
    Words found, expected;
    for (int round = 0; round < 5000; ++round) {
      std::string word;
      for (size_t n = 1 + random() % 12; n > 0; --n) word += static_cast<char>(0x21 + random() % 94);
      ASSERT_TRUE(short_way.append(word, found.text, found.pieces)) << word;
      append_by_stages(*normalizer, *cutter, word, expected);
      ASSERT_EQ(found, expected) << word;
    }
  }
}

TEST(AsciiWords, OthersAreLeftToTheStages) {
  const NormalizerPtr normalizer = make_bert_normalizer({});
  const PreTokenizerPtr cutter = make_bert_pre_tokenizer();
  const AsciiWords short_way(*normalizer->ascii_map(), *cutter->ascii_classes());
  for (const std::string& word : {std::string(), std::string("a\x01"), std::string("a\vb"), std::string("\xC3\xA9t"),
                                  std::string("a\0b", 3), std::string(65, 'a')}) {
    Words found;
    EXPECT_FALSE(short_way.append(word, found.text, found.pieces)) << word;
    EXPECT_EQ(found, Words()) << word;
  }
  Words found;
  EXPECT_TRUE(short_way.append(std::string(64, 'A'), found.text, found.pieces));
  EXPECT_EQ(found.text, std::string(64, 'a'));
}

}  // namespace
}  // namespace tidemill
