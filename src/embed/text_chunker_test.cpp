// TextChunker: chunks are the same however the text is cut into pieces, and lie where they say; sentences of many
// languages.
#include "embed/text_chunker.h"

#include <gtest/gtest.h>

#include <random>

#include "embed/stripped.h"
#include "text/unicode/utf8.h"

namespace tidemill {
namespace {

// Words between white space, Chinese characters each: much as BERT's tokenizers count.
int64_t count_words(std::string_view text) {
  int64_t n = 0;
  bool in_word = false;
  while (!text.empty()) {
    const DecodedCharacter c = first_character(text);
    const bool is_space = c.code_point == ' ' || c.code_point == '\n' || c.code_point == '\t';
    const bool is_alone = c.code_point >= 0x3000;
    n += is_alone || (!is_space && !in_word) ? 1 : 0;
    in_word = !is_space && !is_alone;
    text.remove_prefix(c.n_bytes);
  }
  return n;
}

std::vector<TextChunk> chunks_of(const std::vector<std::string>& pieces, ChunkerOptions options) {
  options.count = count_words;
  TextChunker chunker(std::move(options));
  std::vector<TextChunk> chunks;
  for (const std::string& piece : pieces) chunker.push(piece, chunks);
  chunker.finish(chunks);
  return chunks;
}

std::vector<std::string> texts_of(const std::vector<TextChunk>& chunks) {
  std::vector<std::string> texts;
  for (const TextChunk& chunk : chunks) texts.push_back(chunk.text);
  return texts;
}

std::vector<std::string> sentences(const std::string& text) {
  return texts_of(chunks_of({text}, {.by_sentence = true}));
}

// Cuts anywhere, in the middle of characters, too.
std::vector<std::string> pieces_of(const std::string& text, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::string> pieces;
  for (size_t at = 0; at < text.size();) {
    const size_t n = seed == 0 ? 1 : 1 + random() % (1 + seed * 3);
    pieces.push_back(text.substr(at, n));
    at += n;
  }
  return pieces;
}

const std::string kMixed =
    "The tide mill stood by Dr. Smith's house.  It was built in 1170!\n\nEin M\u00fchlrad dreht sich \u2013 z.B. bei "
    "Flut. "
    "\u6c34\u8eca\u306f\u56de\u308b\u3002\u300c\u6f6e\u304c\u6765\u305f\uff01\u300d\u3068\u5f7c\u306f\u8a00\u3063\u305f"
    "\u3002 \u041f\u0440\u0438\u043b\u0438\u0432 \u043f\u0440\u0438\u0448\u0451\u043b. \u0647\u0644 \u062c\u0627\u0621 "
    "\u0627\u0644\u0645\u062f\u061f \u0646\u0639\u0645. \u091c\u094d\u0935\u093e\u0930 \u0906\u092f\u093e\u0964 "
    "\U0001f30a\U0001f30a \u00a1Hola! Caf\u0065\u0301 \u0e19\u0e49\u0e33\u0e02\u0e36\u0e49\u0e19";

TEST(TextChunkerTest, SentencesOfManyLanguages) {
  EXPECT_EQ(sentences(kMixed),
            (std::vector<std::string>{
                "The tide mill stood by Dr. Smith's house.", "It was built in 1170!",
                "Ein M\u00fchlrad dreht sich \u2013 z.B. bei Flut.", "\u6c34\u8eca\u306f\u56de\u308b\u3002",
                "\u300c\u6f6e\u304c\u6765\u305f\uff01\u300d", "\u3068\u5f7c\u306f\u8a00\u3063\u305f\u3002",
                "\u041f\u0440\u0438\u043b\u0438\u0432 \u043f\u0440\u0438\u0448\u0451\u043b.",
                "\u0647\u0644 \u062c\u0627\u0621 \u0627\u0644\u0645\u062f\u061f", "\u0646\u0639\u0645.",
                "\u091c\u094d\u0935\u093e\u0930 \u0906\u092f\u093e\u0964", "\U0001f30a\U0001f30a \u00a1Hola!",
                "Caf\u0065\u0301 \u0e19\u0e49\u0e33\u0e02\u0e36\u0e49\u0e19"}));
}

TEST(TextChunkerTest, WhatEndsNoSentence) {
  const std::vector<std::string> whole = {"Pi is 3.14 at example.com.",
                                          "J. R. Miller e.g. wrote it.",
                                          "\u201cStop!\u201d he said.",
                                          "Wait... what?",
                                          "Am 3. Mai kam er.",
                                          "a line\nand its rest.",
                                          "(See fig. 3 by Smith et al. for it.)",
                                          "no end"};
  for (const std::string& text : whole) EXPECT_EQ(sentences(text), std::vector{text});
  EXPECT_EQ(sentences("He left.) \"Why?\" She stayed"),
            (std::vector<std::string>{"He left.)", "\"Why?\"", "She stayed"}));
  EXPECT_EQ(sentences("Title\n \nText"), (std::vector<std::string>{"Title", "Text"}));
  EXPECT_EQ(sentences(" \n\t "), std::vector<std::string>());
  std::vector<TextChunk> chunks;
  TextChunker chunker({.by_sentence = true, .count = count_words});
  chunker.push("It ends here.\n\n", chunks);  // whatever follows
  EXPECT_EQ(texts_of(chunks), std::vector<std::string>{"It ends here."});
}

TEST(TextChunkerTest, ChunksAreTheSameHoweverTextComes) {
  std::string text;
  for (int i = 0; i < 5; ++i) text += kMixed + " \xff\xe6\xb0 ";
  for (const bool by_sentence : {false, true})
    for (const int64_t most : {1, 3, 8, 50}) {
      const ChunkerOptions options{
          .most_tokens = most, .overlap = by_sentence ? 0 : most / 3, .by_sentence = by_sentence};
      const std::vector<TextChunk> expected = chunks_of({text}, options);
      for (const TextChunk& chunk : expected) {
        EXPECT_EQ(text.substr(chunk.begin_byte, chunk.end_byte - chunk.begin_byte), chunk.text);
        EXPECT_EQ(stripped(chunk.text), chunk.text);
        EXPECT_EQ(chunk.end_token - chunk.begin_token, count_words(chunk.text));
        EXPECT_LE(count_words(chunk.text), most);
      }
      for (uint32_t seed = 0; seed < 6; ++seed) {
        const std::vector<TextChunk> found = chunks_of(pieces_of(text, seed), options);
        EXPECT_EQ(texts_of(found), texts_of(expected)) << most << " tokens, seed " << seed;
        EXPECT_EQ(found.back().end_byte, expected.back().end_byte);
        EXPECT_EQ(found.back().end_token, expected.back().end_token);
      }
    }
}

TEST(TextChunkerTest, NoCharacterIsCutAndNothingIsLost) {
  for (const int64_t most : {1, 2, 5}) {
    std::string together;
    int64_t at = 0;
    for (const TextChunk& chunk : chunks_of(pieces_of(kMixed, 2), {.most_tokens = most})) {
      EXPECT_TRUE(is_utf8(chunk.text)) << chunk.text;
      EXPECT_EQ(stripped(kMixed.substr(at, chunk.begin_byte - at)), "");
      at = chunk.end_byte;
    }
    EXPECT_EQ(at, std::ssize(kMixed));
  }
}

TEST(TextChunkerTest, OverlapsAreWholeWords) {
  const auto chunks = chunks_of({"a b c d e f g h i j k"}, {.most_tokens = 4, .overlap = 2});
  EXPECT_EQ(texts_of(chunks), (std::vector<std::string>{"a b c d", "c d e f", "e f g h", "g h i j", "i j k"}));
  for (size_t index = 0; index < chunks.size(); ++index) {
    EXPECT_EQ(chunks[index].begin_token, 2 * static_cast<int64_t>(index));
    EXPECT_EQ(chunks[index].begin_byte, 2 * chunks[index].begin_token);
  }
}

TEST(TextChunkerTest, WordsThatAreTooLongAreCut) {
  ChunkerOptions options{.most_tokens = 10, .count = [](std::string_view text) { return std::ssize(text); }};
  TextChunker chunker(options);
  std::vector<TextChunk> chunks;
  chunker.push(std::string(100'000, 'x'), chunks);
  EXPECT_LT(chunker.n_waiting_bytes(), 1000);
  chunker.finish(chunks);
  for (const TextChunk& chunk : chunks) EXPECT_LE(chunk.text.size(), 10u);
  EXPECT_EQ(chunks.back().end_byte, 100'000);
}

TEST(TextChunkerTest, WhatHasNoTokensIsNotKept) {
  TextChunker chunker({.count = [](std::string_view) { return int64_t{0}; }});
  std::vector<TextChunk> chunks;
  for (int i = 0; i < 1000; ++i) {
    chunker.push("a" + std::string(2000, i % 2 == 0 ? ' ' : '\xcc'), chunks);
    EXPECT_LT(chunker.n_waiting_bytes(), 20'000);
  }
}

TEST(TextChunkerTest, ACutComesBehindAWholeWord) {
  TextChunker chunker({.count = count_words});
  std::vector<TextChunk> chunks;
  chunker.push("the tide mi", chunks);
  chunker.cut(chunks);
  EXPECT_EQ(texts_of(chunks), std::vector<std::string>{"the tide"});
  chunker.push("ll", chunks);
  chunker.cut(chunks);
  chunker.cut(chunks);
  chunker.push(" \xe6\xb0", chunks);
  chunker.cut(chunks);
  chunker.push("\xb4", chunks);
  chunker.finish(chunks);
  EXPECT_EQ(texts_of(chunks), (std::vector<std::string>{"the tide", "mill", "\u6c34"}));
  EXPECT_EQ(chunks[2].begin_byte, 14);
}

}  // namespace
}  // namespace tidemill
