#include "text/sentencepiece/spm_tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <random>

#include "text/sentencepiece/spm_oracle.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using Ids = std::vector<int32_t>;

std::string names(const Tokenizer& tokenizer, const Ids& ids) {
  std::string result;
  for (const int32_t id : ids) {
    if (!result.empty()) result += '|';
    result += tokenizer.token_name(id);
  }
  return result;
}

class LittleGemma : public testing::Test {
 protected:
  std::string encoded(std::string_view text, bool parse_special_tokens = true) const {
    return names(*tokenizer, tokenizer->encode(text, {.add_special_tokens = false,
                                                      .special_text = parse_special_tokens ? SpecialText::parse
                                                                                           : SpecialText::as_text}));
  }
  int32_t id_of(std::string_view name) const {
    for (int32_t id = 0; id < tokenizer->vocab_size(); ++id) {
      if (tokenizer->token_name(id) == name) return id;
    }
    ADD_FAILURE() << name;
    return 0;
  }
  std::string decoded(const std::vector<std::string_view>& tokens, bool skip_special_tokens = true) const {
    Ids ids;
    for (const std::string_view token : tokens) ids.push_back(id_of(token));
    return tokenizer->decode(ids, skip_special_tokens);
  }

  OracleVocab v = little_gemma();
  std::shared_ptr<const Tokenizer> tokenizer = v.make();
};

TEST_F(LittleGemma, MergesWords) {
  EXPECT_EQ(encoded("hello the a"), "hello|\u2581the|\u2581a");
  EXPECT_EQ(encoded(""), "");
  EXPECT_EQ(encoded(" "), "\u2581");
}

TEST_F(LittleGemma, AddsSpecialTokens) {
  EXPECT_EQ(names(*tokenizer, tokenizer->encode("a")), "<bos>|a");
  EXPECT_EQ(names(*tokenizer, tokenizer->encode("")), "<bos>");
  v.vocab.add_eos = true;
  tokenizer = v.make();
  EXPECT_EQ(names(*tokenizer, tokenizer->encode("a")), "<bos>|a|<eos>");
}

TEST_F(LittleGemma, FindsControlTokensOnlyWhenAsked) {
  EXPECT_EQ(encoded("a<eos>a<unused0><unk>"), "a|<eos>|a|<unused0>|<unk>");
  EXPECT_EQ(encoded("<eos><unused0>", false), "<|e|o|<0x73>|>|<unused0>");  // reserved ones are no control tokens
  EXPECT_EQ(encoded("<b>a</b>", false), "<b>|a|</b>");
}

TEST_F(LittleGemma, TakesUserDefinedTokensFirst) {
  EXPECT_EQ(encoded("\n\n\n"), "\n\n|\n");
  EXPECT_EQ(encoded("<b> <b>"), "<b>|\u2581|<b>");  // not "b>▁<", though it could be merged
  EXPECT_EQ(encoded("ab> <a"), "a|b>\u2581<|a");    // a token across a word border
}

TEST_F(LittleGemma, TakesRunsOfSpaces) {
  EXPECT_EQ(encoded("a  a"), "a|\u2581\u2581|a");
  EXPECT_EQ(encoded("    a"), "\u2581\u2581\u2581|\u2581a");
  EXPECT_EQ(encoded("     "), "\u2581\u2581\u2581|\u2581\u2581");
  EXPECT_EQ(encoded("       the"), "\u2581\u2581\u2581|\u2581\u2581\u2581|\u2581the");
  EXPECT_EQ(encoded("\u2581\u2581"), "\u2581\u2581");                    // U+2581 in the text is a space
  EXPECT_EQ(encoded(" \u2581 "), "\u2581\u2581\u2581");                  // alone also in a run
  EXPECT_EQ(encoded(" \u2581\u2581 a"), "\u2581|\u2581\u2581|\u2581a");  // but runs of it are split off first
}

TEST_F(LittleGemma, FallsBackToBytes) {
  EXPECT_EQ(encoded("éä"), "é|<0xC3>|<0xA4>");
  EXPECT_EQ(encoded("\t"), "<0x09>");
  EXPECT_EQ(encoded(std::string("\0", 1)), "<0x00>");
  EXPECT_EQ(encoded("<0x41>", true).substr(0, 2), "<|");  // a byte token's name is plain text
}

TEST_F(LittleGemma, ReplacesInvalidUtf8) {
  const std::string replacement = "<0xEF>|<0xBF>|<0xBD>";
  EXPECT_EQ(encoded("a\xFF"
                    "a"),
            "a|" + replacement + "|a");
  EXPECT_EQ(encoded("\xE2\x96"), replacement);
  EXPECT_EQ(encoded("\xE2\x96 a"), replacement + "|\u2581a");
  EXPECT_EQ(encoded("\xC3<eos>"), replacement + "|<eos>");
}

TEST_F(LittleGemma, SaysWhereTokensLie) {
  const auto spans_of = [&](std::string_view text) {
    std::vector<TokenSpan> spans{{7, 7}};  // what was there goes away
    const Ids ids = tokenizer->encode(text, {}, &spans);
    EXPECT_EQ(ids.size(), spans.size());
    std::string result;
    for (const TokenSpan& span : spans) result += std::to_string(span.begin) + "-" + std::to_string(span.end) + " ";
    return result;
  };
  EXPECT_EQ(spans_of("hello the"), "0-0 0-5 5-9 ");
  EXPECT_EQ(spans_of("a    a"), "0-0 0-1 1-4 4-6 ");
  EXPECT_EQ(spans_of(" \u2581the"), "0-0 0-4 4-5 5-7 ");
  EXPECT_EQ(spans_of("ä<eos>"), "0-0 0-1 1-2 2-7 ");
  EXPECT_EQ(spans_of("\xE2\x96"
                     "a"),
            "0-0 0-2 0-2 0-2 2-3 ");
}

TEST_F(LittleGemma, DecodesTokens) {
  EXPECT_EQ(decoded({"hello", "\u2581the", "\u2581\u2581", "\n", "é"}), "hello the  \né");
  EXPECT_EQ(decoded({"\u2581a"}), " a");
  EXPECT_EQ(decoded({"<bos>", "a", "<unk>", "<unused0>", "<b>", "<eos>"}), "a<unused0><b>");
  EXPECT_EQ(decoded({"<bos>", "a", "<unk>", "<unused0>", "<b>", "<eos>"}, false), "<bos>a<unk><unused0><b><eos>");
  EXPECT_EQ(decoded({}), "");
}

// Expected values are those of Hugging Face's ByteFallback.
TEST_F(LittleGemma, DecodesRunsOfBytesAsAWhole) {
  EXPECT_EQ(decoded({"<0xC3>", "<0xA4>", "<0x0A>"}), "ä\n");
  EXPECT_EQ(decoded({"<0xC3>", "a"}), "\uFFFDa");
  EXPECT_EQ(decoded({"<0xE2>", "<0x96>"}), "\uFFFD\uFFFD");
  EXPECT_EQ(decoded({"<0x41>", "<0xFF>"}), "\uFFFD\uFFFD");
  EXPECT_EQ(decoded({"<0xC3>", "<eos>", "<0xA4>"}), "ä");  // a token that is skipped does not end a run
  EXPECT_EQ(decoded({"<0xC3>", "<eos>", "<0xA4>"}, false), "\uFFFD<eos>\uFFFD");
}

TEST_F(LittleGemma, TellsAboutTokens) {
  EXPECT_EQ(tokenizer->vocab_size(), static_cast<int32_t>(v.vocab.proto.pieces.size()));
  EXPECT_EQ(tokenizer->bos_id(), 2);
  EXPECT_EQ(tokenizer->stop_ids().size(), 1u);
  EXPECT_TRUE(tokenizer->is_special(id_of("<bos>")));
  EXPECT_TRUE(tokenizer->is_special(id_of("<unk>")));
  EXPECT_FALSE(tokenizer->is_special(id_of("<unused0>")));
  EXPECT_EQ(tokenizer->token_bytes(id_of("\u2581the")), " the");
  EXPECT_EQ(tokenizer->token_bytes(id_of("<0xC3>")), "\xC3");
  EXPECT_EQ(tokenizer->token_bytes(id_of("<eos>")), "");
  EXPECT_EQ(tokenizer->token_bytes(id_of("<eos>"), false), "<eos>");
  for (const int32_t id : {-1, tokenizer->vocab_size(), std::numeric_limits<int32_t>::max()}) {
    EXPECT_THROW(tokenizer->token_name(id), Error);
    EXPECT_THROW(tokenizer->token_bytes(id), Error);
    EXPECT_THROW(tokenizer->token_bytes(id, false), Error);
    EXPECT_THROW(tokenizer->is_special(id), Error);
    EXPECT_THROW(tokenizer->decode(Ids{id}), Error);
  }
}

class SpacePrefix : public LittleGemma {
 protected:
  SpacePrefix() {
    v.use_space_prefix(true);
    tokenizer = v.make();
  }
};

TEST_F(SpacePrefix, StartsEveryStretchOfText) {
  EXPECT_EQ(encoded("the"), "\u2581the");
  EXPECT_EQ(encoded(""), "");
  EXPECT_EQ(encoded(" the"), "  |t|he");              // two spaces now
  EXPECT_EQ(encoded("<eos>the"), "<eos>|\u2581the");  // as Hugging Face and llama.cpp
  EXPECT_EQ(encoded("<eos><eos>"), "<eos>|<eos>");
  EXPECT_EQ(encoded("<b>the"), "\u2581|<b>|t|he");  // as SentencePiece
  EXPECT_EQ(encoded("\xFF"), "\u2581|<0xEF>|<0xBF>|<0xBD>");
}

TEST_F(SpacePrefix, IsNoPartOfAnySpan) {
  std::vector<TokenSpan> spans;
  tokenizer->encode("the<eos> a", {.add_special_tokens = false}, &spans);
  ASSERT_EQ(spans.size(), 4u);  // ▁the, <eos>, two spaces, a
  EXPECT_EQ(spans[0].begin, 0);
  EXPECT_EQ(spans[0].end, 3);
  EXPECT_EQ(spans[2].begin, 8);
  EXPECT_EQ(spans[2].end, 9);
}

TEST_F(SpacePrefix, GoesAwayOnDecoding) {
  EXPECT_EQ(decoded({"<bos>", "\u2581the", "\u2581a"}), "the a");
  EXPECT_EQ(decoded({"\u2581", "\u2581the"}), " the");
  EXPECT_EQ(decoded({"<bos>", "\u2581the"}, false), "<bos> the");
  EXPECT_EQ(decoded({"\u2581"}), "");
}

TEST(SpmTokenizer, UsesTheUnknownTokenWhereBytesAreMissing) {
  OracleVocab v;
  v.vocab.proto.unknown = v.add("<unk>", TokenType::unknown);
  v.add_bytes(0, 0x7F);
  v.add("a", TokenType::normal);
  v.use_space_prefix(false);
  const auto tokenizer = v.make();
  std::vector<TokenSpan> spans;
  const Ids ids = tokenizer->encode("bää\u00FCa\u00E4", {}, &spans);
  EXPECT_EQ(names(*tokenizer, ids), "<0x62>|<unk>|a|<unk>");  // neighbours share one
  EXPECT_EQ(spans[1].begin, 1);
  EXPECT_EQ(spans[1].end, 7);
}

// Random vocabularies over few letters against the oracle: every rule meets every other.
TEST(SpmTokenizer, AgreesWithTheOracle) {
  std::mt19937 random(3);
  const std::string letters[] = {"a", "b", "c", " ", "\u2581", "é", "😀", "\xFF", "\xE2\x96", "<", ">"};
  const auto text_of = [&](size_t n, size_t n_kinds) {
    std::string text;
    for (size_t k = 0; k < n; ++k) text += letters[random() % n_kinds];
    return text;
  };
  for (int round = 0; round < 400; ++round) {
    OracleVocab v;
    std::vector<std::string> known;
    const auto add_new = [&](const std::string& token, TokenType type, float score = 0) {
      if (token.empty() || !is_utf8(token) || std::count(known.begin(), known.end(), token) > 0) return;
      known.push_back(token);
      v.add(token, type, score);
    };
    v.vocab.proto.unknown = v.add("<unk>", TokenType::unknown);
    if (random() % 2) v.add_bytes(random() % 2 * 100);
    for (const char* token : {"a", "b", "\u2581"}) add_new(token, TokenType::normal, 1);
    const bool with_unused = random() % 4 == 0;
    for (int k = 0; k < 25; ++k) {
      std::string token;
      for (const char c : text_of(2 + random() % 3, 7)) {
        if (c == ' ')
          token += "\u2581";
        else
          token += c;
      }
      const bool unused = with_unused && random() % 3 == 0;
      add_new(token, unused ? TokenType::unused : TokenType::normal, -static_cast<float>(random() % 12));
    }
    for (uint32_t k = random() % 5; k > 0; --k) add_new(text_of(1 + random() % 3, 4), TokenType::user_defined);
    for (uint32_t k = random() % 3; k > 0; --k) add_new(text_of(1, 3).insert(0, 1, '<'), TokenType::control);
    v.use_space_prefix(random() % 2);
    const auto tokenizer = v.make();
    SpmOracle oracle(v.vocab);
    for (int k = 0; k < 20; ++k) {
      const std::string text = text_of(random() % 30, std::size(letters));
      const bool parse = random() % 2;
      std::vector<TokenSpan> spans;
      const EncodeOptions options{.add_special_tokens = false,
                                  .special_text = parse ? SpecialText::parse : SpecialText::as_text};
      const Ids ids = tokenizer->encode(text, options, &spans);
      ASSERT_EQ(names(*tokenizer, ids), names(*tokenizer, oracle.encode(text, parse))) << text;
      // Without spans most texts go past the stages.
      ASSERT_EQ(names(*tokenizer, tokenizer->encode(text, options)), names(*tokenizer, ids)) << text;
      int64_t end = 0;
      for (const TokenSpan& span : spans) {
        ASSERT_LE(span.begin, end) << text;
        ASSERT_GE(span.end, end) << text;  // bytes of one character may share a span
        end = span.end;
      }
      ASSERT_EQ(end, static_cast<int64_t>(text.size()));
    }
  }
}

TEST(SpmTokenizer, RefusesBadVocabularies) {
  const auto expect_bad = [](const std::string& part_of_message, const std::function<void(OracleVocab&)>& damage) {
    OracleVocab v = little_gemma();
    damage(v);
    try {
      v.make("model.gguf");
      ADD_FAILURE() << "accepted: " << part_of_message;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::bad_file);
      EXPECT_EQ(std::string(error.what()).find("model.gguf: "), 0u) << error.what();
      EXPECT_NE(std::string(error.what()).find(part_of_message), std::string::npos) << error.what();
    }
  };
  expect_bad("empty", [](OracleVocab& v) { v.vocab.proto.pieces = {}; });
  expect_bad("not UTF-8", [](OracleVocab& v) { v.add("a\xFF", TokenType::normal); });
  expect_bad("not a number",
             [](OracleVocab& v) { v.vocab.proto.pieces[3].score = std::numeric_limits<float>::quiet_NaN(); });
  expect_bad("occurs twice", [](OracleVocab& v) { v.add("hello", TokenType::normal); });
  for (const char* name : {"<0x-1>", "<0x1>", "<0x100>", "0x41", "<0xG0>", ""}) {
    expect_bad("is a byte token", [&](OracleVocab& v) { v.add(name, TokenType::byte); });
  }
  expect_bad("second token of that byte", [](OracleVocab& v) { v.add("<0xfF>", TokenType::byte); });
  expect_bad("no unknown token and only 0 of 256 byte tokens", [](OracleVocab& v) {
    v = {};
    v.add("a", TokenType::normal);
  });
}

// Nothing but sorting is worse than linear, and nothing recurses.
TEST(SpmTokenizer, StaysQuickOnLongInputs) {
  OracleVocab v = little_gemma();
  const auto tokenizer = v.make();
  for (const std::string unit : {"l", " ", "\u2581", "\n", "<", "<unused", "é", "ä", "\u200D", "\xFF"}) {
    std::string text;
    while (text.size() < 1 << 20) text += unit;
    const Ids ids = tokenizer->encode(text);
    EXPECT_EQ(tokenizer->decode(ids), tokenizer->decode(tokenizer->encode(replace_invalid_utf8(text)))) << unit;
  }
}

}  // namespace
}  // namespace tidemill
