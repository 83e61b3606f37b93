#include "text/sentencepiece/sentencepiece_model.h"

#include <gtest/gtest.h>

#include "text/pieces/byte_tokens.h"
#include "text/sentencepiece/sentencepiece_test.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

std::shared_ptr<const Tokenizer> load(const ModelFile& file, const SentencePieceAdditions& additions = {}) {
  return make_sentencepiece_tokenizer(file.bytes(), "test.model", additions, {});
}

std::string names(const Tokenizer& tokenizer, std::string_view text) {
  std::string result;
  for (const int32_t id : tokenizer.encode(text)) {
    if (!result.empty()) result += '|';
    result += tokenizer.token_name(id);
  }
  return result;
}

std::string spans(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<TokenSpan> found;
  tokenizer.encode(text, {}, &found);
  std::string result;
  for (const TokenSpan& span : found) {
    result += (result.empty() ? "" : " ") + std::to_string(span.begin) + "-" + std::to_string(span.end);
  }
  return result;
}

ModelFile words(uint64_t kind) {
  ModelFile file;
  file.kind = kind;
  for (const char* const token : {"\u2581", "a", "b", "h", "i"}) file.add(token, -4);
  file.add("\u2581hi", -2);
  file.add("ab", -3);
  file.add("\u2581h", -3);
  return file;
}

constexpr uint64_t kKinds[] = {1, 2, 3, 4};

TEST(SentencePieceModel, EncodesByItsKind) {
  const char* const expected[] = {"\u2581hi|\u2581|ab|a|<unk>", "\u2581hi|\u2581|ab|a|<unk>", "\u2581hi|<unk>",
                                  "\u2581|h|i|\u2581|a|b|a|<unk>"};
  for (const uint64_t kind : kKinds) {
    EXPECT_EQ(names(*load(words(kind)), " hi  abaxyz "), expected[kind - 1]);
    EXPECT_EQ(names(*load(words(kind)), ""), "");
    EXPECT_EQ(names(*load(words(kind)), "  "), "");
  }
}

TEST(SentencePieceModel, FollowsTheRulesForSpaces) {
  ModelFile file = words(1);
  file.normalizer = number_field(3, 0);
  EXPECT_EQ(names(*load(file), " a  a "), "a|\u2581|a");
  file.normalizer = number_field(4, 0);
  EXPECT_EQ(names(*load(file), " a  a "), "\u2581|\u2581|a|\u2581|\u2581|a|\u2581");
  file.normalizer = "";
  file.trainer = number_field(24, 1);
  EXPECT_EQ(names(*load(file), " a  a "), "a|\u2581|a|\u2581");
  file.normalizer = number_field(5, 0);
  EXPECT_EQ(names(*load(file), "a a"), "a|<unk>|a|<unk>");
}

TEST(SentencePieceModel, AppliesTheCharacterMap) {
  ModelFile file = words(1);
  file.add("<ﬁ>", 0, TokenType::user_defined);
  file.normalizer = bytes_field(2, make_charsmap_blob({{"ﬁ", "hi"}, {"A", "a"}, {"Ab", "b"}, {"\t", " "}}));
  EXPECT_EQ(names(*load(file), "ﬁ\tAAb"), "\u2581hi|\u2581|ab");
  EXPECT_EQ(names(*load(file), "<ﬁ>A"), "\u2581|<ﬁ>|a");  // not inside user-defined pieces
  EXPECT_EQ(spans(*load(file), "\tﬁ\t\tAAb"), "1-4 4-6 6-9");
}

// Spaces are left out as long as there is no text, and only then, however ids come.
TEST(SentencePieceModel, StreamsSpacesAsItDecodesThem) {
  ModelFile file = words(1);
  for (const uint64_t remove_extra : {0, 1}) {
    file.normalizer = number_field(4, remove_extra);
    const auto tokenizer = load(file);
    const int32_t space = tokenizer->token_id("\u2581"), space_hi = tokenizer->token_id("\u2581hi");
    const int32_t a = tokenizer->token_id("a");
    std::vector<int32_t> many(600, space);
    many[300] = a;
    for (const std::vector<int32_t>& ids : {std::vector{space, space, space_hi, space, space, space_hi},
                                            std::vector{a, space, space_hi, space, a, space, 1, space, a}, many}) {
      StreamDecoder stream(tokenizer);
      std::string text;
      for (const int32_t id : ids) text += stream.push(id);
      EXPECT_EQ(text + stream.finish(), tokenizer->decode(ids));
    }
  }
}

TEST(SentencePieceModel, NeverFindsSpecialPiecesInText) {
  for (const uint64_t kind : kKinds) {
    ModelFile file = words(kind);
    file.normalizer = number_field(3, 0);
    EXPECT_EQ(names(*load(file), "<s>").find("<s>"), std::string::npos);
    EXPECT_EQ(load(file)->decode(std::vector<int32_t>{1, 4, 0, 2}), "a \u2047 ");
    EXPECT_TRUE(load(file)->is_special(1));
    EXPECT_FALSE(load(file)->is_special(0));
  }
}

TEST(SentencePieceModel, TakesUserDefinedPiecesWhole) {
  for (const uint64_t kind : {1, 2, 4}) {
    ModelFile file = words(kind);
    file.add("ba", -100, TokenType::user_defined);
    file.add("bab", -100, TokenType::user_defined);
    file.normalizer = number_field(3, 0);
    // Unigram finds them as it finds others, but for their score; elsewhere the longest is found first.
    EXPECT_EQ(names(*load(file), "ababaa"), kind == 1 ? "a|ba|ba|a" : "a|bab|a|a") << kind;
  }
}

TEST(SentencePieceModel, SplitsUnusedPiecesAgain) {
  ModelFile file = words(2);
  file.add("bi", -1, TokenType::unused);
  file.normalizer = number_field(3, 0);
  EXPECT_EQ(names(*load(file), "abi"), "a|b|i");
}

TEST(SentencePieceModel, MergesThroughCharactersThatAreNoPieces) {
  ModelFile file = words(2);
  file.add("zy", -1);
  file.normalizer = number_field(3, 0);
  EXPECT_EQ(names(*load(file), "zyz"), "zy|<unk>");
}

TEST(SentencePieceModel, FallsBackToBytes) {
  for (const uint64_t kind : {1, 2, 4}) {
    ModelFile file = words(kind);
    file.trainer = number_field(35, 1);
    for (size_t byte = 0; byte < 256; ++byte) file.add(byte_token_name(byte), 0, TokenType::byte);
    const auto tokenizer = load(file);
    EXPECT_EQ(names(*tokenizer, "é"), "\u2581|<0xC3>|<0xA9>");
    EXPECT_EQ(spans(*tokenizer, "é"), "0-0 0-0 0-2");
    EXPECT_EQ(tokenizer->decode(tokenizer->encode("é a\n")), "é a\n");
    const int32_t c3 = tokenizer->token_id("<0xC3>");
    EXPECT_EQ(tokenizer->decode(std::vector<int32_t>{c3, c3, c3 - 0x1A}), "\uFFFDé");
    EXPECT_EQ(tokenizer->decode(std::vector<int32_t>{c3 + 0x2D, c3 - 0x24, 4}), "\uFFFD\uFFFDa");
    EXPECT_EQ(tokenizer->token_bytes(c3), "\xC3");
  }
}

TEST(SentencePieceModel, DecodesSpaces) {
  ModelFile file = words(1);  // 3: ▁, 4: a, 8: ▁hi
  const std::vector<int32_t> ids = {3, 8, 3, 4};
  EXPECT_EQ(load(file)->decode(ids), "hi a");  // all spaces before the first text
  file.normalizer = number_field(4, 0);
  EXPECT_EQ(load(file)->decode(ids), " hi a");  // one
  file.normalizer = number_field(4, 0) + number_field(3, 0);
  EXPECT_EQ(load(file)->decode(ids), "  hi a");
  EXPECT_EQ(load(file)->token_bytes(8), " hi");
}

TEST(SentencePieceModel, AppliesTheDenormalizer) {
  ModelFile file = words(1);
  const std::string no_spaces = number_field(3, 0) + number_field(4, 0) + number_field(5, 0);
  file.others = bytes_field(5, bytes_field(2, make_charsmap_blob({{"a", "A"}})) + no_spaces);
  EXPECT_EQ(load(file)->decode(std::vector<int32_t>{8, 3, 4}), "hi A");
}

TEST(SentencePieceModel, AddsSpecialPiecesWhereAsked) {
  const EncodeOptions without{.add_special_tokens = false};
  const auto ids = [&](const SentencePieceAdditions& additions, const EncodeOptions& options) {
    return load(words(1), additions)->encode("hi", options);
  };
  EXPECT_EQ(ids({}, {}), (std::vector<int32_t>{8}));
  EXPECT_EQ(ids({.add_bos = true}, {}), (std::vector<int32_t>{1, 8}));
  EXPECT_EQ(ids({.add_bos = true, .add_eos = true}, {}), (std::vector<int32_t>{1, 8, 2}));
  EXPECT_EQ(ids({.add_bos = true, .add_eos = true}, without), (std::vector<int32_t>{8}));
  EXPECT_EQ(load(words(1))->bos_id(), 1);
  EXPECT_EQ(load(words(1))->stop_ids()[0], 2);
}

TEST(SentencePieceModel, IsRecognised) {
  EXPECT_TRUE(is_sentencepiece_model(words(1).bytes()));
  for (const std::string_view other : {"", "{\"a\":1}", "GGUF\3\0\0\0", "[PAD]\n[UNK]\n", "\n\n\n\n\n\n"}) {
    EXPECT_FALSE(is_sentencepiece_model(other)) << other;
  }
}

TEST(SentencePieceModel, RefusesIdsOutOfRange) {
  const auto tokenizer = load(words(1));
  EXPECT_THROW(tokenizer->decode(std::vector<int32_t>{-1}), Error);
  EXPECT_THROW(tokenizer->decode(std::vector<int32_t>{tokenizer->vocab_size()}), Error);
  EXPECT_THROW(tokenizer->token_bytes(tokenizer->vocab_size()), Error);
}

}  // namespace
}  // namespace tidemill
