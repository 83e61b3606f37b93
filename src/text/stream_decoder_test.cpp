#include <gtest/gtest.h>

#include <random>

#include "text/sentencepiece/spm_oracle.h"
#include "text/unicode/utf8.h"
#include "tidemill/error.h"
#include "tidemill/tokenizer.h"

namespace tidemill {
namespace {

// Ids 0 to 255 are the bytes; then come a control token and some text.
class StreamDecoderTest : public testing::Test {
 protected:
  StreamDecoderTest() { make(false); }
  void make(bool add_space_prefix) {
    OracleVocab v;
    v.add_bytes();
    control = v.add("<eos>", TokenType::control);
    space = v.add("\u2581", TokenType::normal);
    space_a = v.add("\u2581a", TokenType::normal);
    b = v.add("b", TokenType::normal);
    replacement = v.add("\uFFFD", TokenType::normal);
    v.vocab.proto.unknown = v.vocab.eos = control;
    v.use_space_prefix(add_space_prefix);
    tokenizer = v.make();
  }
  std::vector<std::string> chunks(const std::vector<int32_t>& ids, bool skip_special_tokens = true) const {
    StreamDecoder decoder(tokenizer, skip_special_tokens);
    std::vector<std::string> result;
    for (const int32_t id : ids) result.push_back(decoder.push(id));
    result.push_back(decoder.finish());
    return result;
  }

  using Chunks = std::vector<std::string>;
  int32_t control, space, space_a, b, replacement;
  std::shared_ptr<const Tokenizer> tokenizer;
};

TEST_F(StreamDecoderTest, GivesTextAtOnce) {
  EXPECT_EQ(chunks({b, space_a, b, control, space_a}), (Chunks{"b", " a", "b", "", " a", ""}));
  EXPECT_EQ(chunks({b, control, b}, false), (Chunks{"b", "<eos>", "b", ""}));
  EXPECT_EQ(chunks({}), (Chunks{""}));
}

TEST_F(StreamDecoderTest, WaitsForWholeCharacters) {
  EXPECT_EQ(chunks({0xF0, 0x9F, 0x98, 0x80, 0xC3, 0xA4, b}), (Chunks{"", "", "", "😀", "", "ä", "b", ""}));
  EXPECT_EQ(chunks({0xC3, control, 0xA4}), (Chunks{"", "", "ä", ""}));
}

TEST_F(StreamDecoderTest, ReplacesWhatStaysUnfinished) {
  EXPECT_EQ(chunks({b, 0xE2, 0x96}), (Chunks{"b", "", "", "\uFFFD\uFFFD"}));
  EXPECT_EQ(chunks({0xE2, b}), (Chunks{"", "\uFFFDb", ""}));
  EXPECT_EQ(chunks({0xFF, 0xFF, b}), (Chunks{"", "", "\uFFFD\uFFFDb", ""}));
  EXPECT_EQ(chunks({replacement, b}), (Chunks{"", "\uFFFDb", ""}));  // U+FFFD itself might be a beginning
}

TEST_F(StreamDecoderTest, KeepsWholeCharactersOfARunThatTurnsBad) {
  EXPECT_EQ(chunks({0xC3, 0xA4, 0xFF, b}), (Chunks{"", "ä", "", "\uFFFDb", ""}));
  EXPECT_EQ(chunks({0xC3, 0xA4, 0xFF}), (Chunks{"", "ä", "", "\uFFFD"}));
}

TEST_F(StreamDecoderTest, DropsTheSpacePrefixOnce) {
  make(true);
  EXPECT_EQ(chunks({space_a, space_a}), (Chunks{"a", " a", ""}));
  EXPECT_EQ(chunks({control, space_a, space, space, b}), (Chunks{"", "a", " ", " ", "b", ""}));
  EXPECT_EQ(chunks({space, space_a, b}), (Chunks{"", " a", "b", ""}));
  EXPECT_EQ(chunks({control, space_a}, false), (Chunks{"<eos>", " a", ""}));
}

TEST_F(StreamDecoderTest, StartsAnewAfterFinish) {
  make(true);
  StreamDecoder decoder(tokenizer);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(decoder.push(space_a), "a");
    EXPECT_EQ(decoder.push(0xC3), "");
    EXPECT_EQ(decoder.finish(), "\uFFFD");
  }
}

TEST_F(StreamDecoderTest, RefusesIdsOutOfRange) {
  StreamDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.push(b), "b");
  EXPECT_THROW(decoder.push(-1), Error);
  EXPECT_EQ(decoder.push(space_a), " a");  // and goes on as if nothing had been
}

// Every piece is whole UTF-8, and together they are what decode gives, if no run of bytes turns bad after a character.
TEST_F(StreamDecoderTest, AgreesWithDecode) {
  std::mt19937 random(5);
  for (const bool add_space_prefix : {false, true}) {
    make(add_space_prefix);
    for (int round = 0; round < 2000; ++round) {
      std::vector<int32_t> ids;
      for (uint32_t n = random() % 12; n > 0; --n) {
        const std::vector<int32_t> choices[] = {{b},           {space},         {space_a},    {control},
                                                {replacement}, {0xFF, 0x80, b}, {0xC3, 0xA4}, {0xE2, 0x96, 0x81},
                                                {0xE2, b},     {0x41},          {0x20, b}};
        for (const int32_t id : choices[random() % std::size(choices)]) ids.push_back(id);
        if (ids.back() == 0xA4 || ids.back() == 0x81 || ids.back() == 0x41) ids.push_back(b);
      }
      std::string text;
      for (const std::string& chunk : chunks(ids)) {
        EXPECT_TRUE(is_utf8(chunk));
        text += chunk;
      }
      ASSERT_EQ(text, tokenizer->decode(ids)) << round;
    }
  }
}

// What waits too long is given out, but never in the middle of a character.
TEST_F(StreamDecoderTest, KeepsCharactersWholeHoweverLongItWaits) {
  for (int n_before = 0; n_before < 4; ++n_before) {
    std::vector<int32_t> ids(n_before, 'x');
    for (int k = 0; k < 1000; ++k) ids.insert(ids.end(), {0xEF, 0xBF, 0xBD});  // U+FFFD itself
    std::string text;
    for (const std::string& chunk : chunks(ids)) text += chunk;
    EXPECT_EQ(text, tokenizer->decode(ids));
  }
}

TEST_F(StreamDecoderTest, StaysQuickOnGarbage) {
  for (const int32_t id : {0xFF, control}) {
    StreamDecoder decoder(tokenizer);
    size_t n_bytes = 0;
    for (int k = 0; k < 100000; ++k) n_bytes += decoder.push(id).size();
    n_bytes += decoder.finish().size();
    EXPECT_EQ(n_bytes, id == control ? 0u : 300000u);
  }
}

}  // namespace
}  // namespace tidemill
