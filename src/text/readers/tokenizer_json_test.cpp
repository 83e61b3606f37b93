#include "text/readers/tokenizer_json.h"

#include <gtest/gtest.h>

#include <string>

#include "tidemill/error.h"

namespace tidemill {
namespace {

using Ids = std::vector<int32_t>;

// A byte-level tokenizer of a few tokens, as text whose parts a test may replace.
std::string small_file(std::string_view part = "", std::string_view by = "") {
  std::string text = R"({"version": "1.0", "truncation": null, "padding": null, "added_tokens": [
    {"id": 8, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
    {"id": 9, "content": "[x]", "single_word": false, "lstrip": true, "rstrip": false, "normalized": true, "special": false}],
    "normalizer": null,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
    "post_processor": {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
      "pair": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
               {"SpecialToken": {"id": "<s>", "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}],
      "special_tokens": {"<s>": {"id": "<s>", "ids": [8], "tokens": ["<s>"]}}},
    "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
    "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
      "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
      "vocab": {"a": 0, "b": 1, "\u0120": 2, "\u0120a": 3, "ab": 4, "\u00c3": 5, "\u00a9": 6, "\u00ef\u00bf\u00bd": 7},
      "merges": ["\u0120 a", "a b"]}})";
  if (!part.empty()) {
    const size_t at = text.find(part);
    EXPECT_NE(at, text.npos) << part;
    text.replace(at, part.size(), by);
  }
  return text;
}

std::shared_ptr<const Tokenizer> load(const std::string& text, const TokenizerOptions& options = {}) {
  return build_tokenizer(read_tokenizer_json(text, "t.json"), options);
}

void expect_error(const std::string& text, const std::string& part_of_message, ErrorCode code = ErrorCode::bad_file) {
  try {
    load(text);
    ADD_FAILURE() << "accepted: " << part_of_message;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_NE(std::string(error.what()).find("t.json: " + part_of_message), std::string::npos) << error.what();
  }
}

TEST(TokenizerJson, EncodesAndDecodes) {
  const auto tokenizer = load(small_file());
  EXPECT_EQ(tokenizer->encode("ab a <s>b"), (Ids{8, 4, 3, 2, 8, 1}));
  EXPECT_EQ(tokenizer->encode("ab a", {.add_special_tokens = false}), (Ids{4, 3}));
  EXPECT_EQ(tokenizer->decode(Ids{8, 4, 3, 9, 5}), "ab a[x]\uFFFD");
  EXPECT_EQ(tokenizer->decode(Ids{8, 4, 5, 6}, false), "<s>ab\u00e9");
  EXPECT_EQ(tokenizer->vocab_size(), 10);
  EXPECT_EQ(tokenizer->token_id("<s>"), 8);
  EXPECT_EQ(tokenizer->token_id("ab"), 4);
  EXPECT_EQ(tokenizer->token_id("abab"), -1);
  EXPECT_EQ(tokenizer->token_bytes(5), "\xC3");
  EXPECT_EQ(tokenizer->token_bytes(8), "");
  EXPECT_EQ(tokenizer->token_bytes(8, false), "<s>");
  EXPECT_TRUE(tokenizer->is_special(8));
  EXPECT_FALSE(tokenizer->is_special(9));
  EXPECT_THROW(tokenizer->decode(Ids{10}), Error);
  EXPECT_THROW(tokenizer->token_name(-1), Error);
}

TEST(TokenizerJson, TellsAllAboutTokens) {
  const auto tokenizer = load(small_file());
  const Encoding encoding = tokenizer->encode_full("ab  [x]a");
  EXPECT_EQ(encoding.ids, (Ids{8, 4, 9, 0}));
  EXPECT_EQ(encoding.spans, (std::vector<TokenSpan>{{0, 0}, {0, 2}, {2, 7}, {7, 8}}));
  EXPECT_EQ(encoding.word_ids, (Ids{-1, 0, 1, 2}));
  EXPECT_EQ(encoding.sequence_ids, (Ids{-1, 0, 0, 0}));
  EXPECT_EQ(encoding.special_tokens_mask, (std::vector<uint8_t>{1, 0, 0, 0}));
  const Encoding pair = tokenizer->encode_pair("a", "b");
  EXPECT_EQ(pair.ids, (Ids{8, 0, 8, 1}));
  EXPECT_EQ(pair.type_ids, (Ids{0, 0, 1, 1}));
  EXPECT_EQ(pair.sequence_ids, (Ids{-1, 0, -1, 1}));
}

TEST(TokenizerJson, BytesThatAreNotUtf8AreReplaced) {
  const auto tokenizer = load(small_file("\"ignore_merges\": false", "\"ignore_merges\": true"));
  std::vector<TokenSpan> spans;
  EXPECT_EQ(tokenizer->encode("a\xE2\x96"
                              "b",
                              {.add_special_tokens = false}, &spans),
            (Ids{0, 7, 1}));
  EXPECT_EQ(spans, (std::vector<TokenSpan>{{0, 1}, {1, 3}, {3, 4}}));
  EXPECT_EQ(character_spans("a\xE2\x96"
                            "b",
                            spans),
            (std::vector<TokenSpan>{{0, 1}, {1, 2}, {2, 3}}));
}

TEST(TokenizerJson, WritesIntoABufferAndCounts) {
  const auto tokenizer = load(small_file());
  std::vector<int32_t> buffer(3, -1);
  EXPECT_EQ(tokenizer->encode_into("ab a", std::span(buffer).first(2)), 3u);
  EXPECT_EQ(buffer, (Ids{8, 4, -1}));
  EXPECT_EQ(tokenizer->count("ab a"), 3u);
}

TEST(TokenizerJson, TruncatesAndPads) {
  const auto tokenizer = load(small_file());
  const EncodeOptions options{.truncation = Truncation{.max_length = 3}, .padding = Padding{.length = 4, .id = 1}};
  const Encoding encoding = tokenizer->encode_full("a a a a a", options);
  EXPECT_EQ(encoding.ids, (Ids{8, 0, 3, 1}));
  ASSERT_EQ(encoding.overflowing.size(), 2u);
  EXPECT_EQ(encoding.overflowing[1].ids, (Ids{8, 3, 1, 1}));
  EXPECT_EQ(tokenizer->encode("a a a a a", options), (Ids{8, 0, 3, 1}));
  EXPECT_THROW(tokenizer->encode("a", {.truncation = Truncation{.max_length = 0}}), Error);
}

TEST(TokenizerJson, BatchesKeepOrderOnAnyNumberOfThreads) {
  const auto tokenizer = load(small_file());
  std::vector<std::string> texts;
  for (int n = 0; n < 200; ++n) texts.push_back(std::string(static_cast<size_t>(n), n % 2 ? 'a' : 'b') + " ab");
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const auto one = tokenizer->encode_batch(views);
  const auto four = tokenizer->encode_batch(views, {}, 4);
  EXPECT_EQ(one, four);
  for (size_t k = 0; k < texts.size(); ++k) EXPECT_EQ(one[k], tokenizer->encode(texts[k]));
  const auto padded = tokenizer->encode_full_batch(views, {.padding = Padding{.multiple_of = 8}}, 2);
  for (const Encoding& encoding : padded) EXPECT_EQ(encoding.ids.size(), 208u);
}

TEST(TokenizerJson, LongTextsAreCutForSeveralThreads) {
  const auto tokenizer = load(small_file());
  ASSERT_TRUE(tokenizer->splits_at_word_ends());
  std::string text;
  for (int k = 0; text.size() < (size_t{1} << 20); ++k) text += k % 7 == 0 ? " <s>ab" : k % 3 == 0 ? "  b" : " aab[x]";
  const std::vector<std::string_view> views = {"a", text, "", std::string_view(text).substr(1), "b"};
  const auto batch = tokenizer->encode_batch(views, {}, 3);
  for (size_t k = 0; k < views.size(); ++k) EXPECT_EQ(batch[k], tokenizer->encode(views[k])) << k;
  const EncodeOptions truncated{.truncation = Truncation{.max_length = 5}};
  EXPECT_EQ(tokenizer->encode_batch(views, truncated, 3)[1], tokenizer->encode(text, truncated));
}

TEST(TokenizerJson, PartsHaveTheIdsOfTheWhole) {
  const auto tokenizer = load(small_file());
  const EncodeOptions plain{.add_special_tokens = false};
  const std::string text = " ab aab  b[x] a<s> ab a";
  for (size_t n_parts = 1; n_parts < 30; ++n_parts) {
    const std::vector<std::string_view> parts = tokenizer->cut(text, n_parts);
    ASSERT_LE(parts.size(), n_parts);
    std::string joined;
    Ids ids;
    for (const std::string_view part : parts) {
      joined += part;
      const Ids more = tokenizer->encode(part, plain);
      ids.insert(ids.end(), more.begin(), more.end());
    }
    EXPECT_EQ(joined, text);
    EXPECT_EQ(ids, tokenizer->encode(text, plain));
  }
  EXPECT_GT(tokenizer->cut(text, 4).size(), 2u);
  EXPECT_EQ(tokenizer->cut("", 3), std::vector<std::string_view>{""});
  EXPECT_EQ(tokenizer->cut("bbbbbbbb", 3).size(), 1u);
}

TEST(TokenizerJson, SpecialTextIsParsedKeptOrForbidden) {
  const auto tokenizer = load(small_file());
  EXPECT_THROW(tokenizer->encode("a<s>", {.special_text = SpecialText::forbid}), Error);
  EXPECT_EQ(tokenizer->encode("[x]a", {.special_text = SpecialText::forbid}), (Ids{8, 9, 0}));
  const Ids as_text = tokenizer->encode("a<s>", {.special_text = SpecialText::as_text});
  EXPECT_EQ(as_text, (Ids{8, 0}));  // the vocabulary lacks the characters
}

TEST(TokenizerJson, StreamsEqualTheWhole) {
  const auto tokenizer = load(small_file());
  ASSERT_TRUE(tokenizer->splits_at_word_ends());
  const std::string text = "ab a  ab<s>a a\u00e9 [x]a a";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    StreamEncoder encoder(tokenizer);
    Ids ids = encoder.push(std::string_view(text).substr(0, cut));
    for (const Ids& more : {encoder.push(std::string_view(text).substr(cut)), encoder.finish()}) {
      ids.insert(ids.end(), more.begin(), more.end());
    }
    EXPECT_EQ(ids, tokenizer->encode(text)) << cut;
  }
  StreamEncoder encoder(tokenizer);
  EXPECT_EQ(encoder.push("ab a"), (Ids{8, 4}));  // what follows the space is not known yet
  EXPECT_EQ(encoder.finish(), Ids{3});
  EXPECT_EQ(encoder.finish(), Ids{8});  // as new
}

TEST(TokenizerJson, StreamsWaitWhereWordsMayBeJoined) {
  const auto prefixed =
      load(small_file(R"("normalizer": null)", R"("normalizer": {"type": "Prepend", "prepend": "b"})"));
  EXPECT_FALSE(prefixed->splits_at_word_ends());
  StreamEncoder encoder(prefixed);
  EXPECT_EQ(encoder.push("ab a a"), Ids{});
  EXPECT_EQ(encoder.finish(), prefixed->encode("ab a a"));
  EXPECT_FALSE(load(small_file("\"[x]\"", "\"x y\""))->splits_at_word_ends());
}

TEST(TokenizerJson, MergesMayBeLists) {
  const auto tokenizer = load(small_file(R"(["\u0120 a", "a b"])", R"([["\u0120", "a"], ["a", "b"]])"));
  EXPECT_EQ(tokenizer->encode("ab a"), (Ids{8, 4, 3}));
}

TEST(TokenizerJson, OldFilesDoNotNameTheModel) {
  EXPECT_EQ(load(small_file(R"("type": "BPE", )"))->encode("ab"), (Ids{8, 4}));
}

TEST(TokenizerJson, ReadsTruncationAndPadding) {
  const auto tokenizer =
      load(small_file(R"("truncation": null, "padding": null)",
                      R"("truncation": {"direction": "Left", "max_length": 7, "strategy": "OnlyFirst", "stride": 2},
         "padding": {"strategy": {"Fixed": 5}, "direction": "Left", "pad_to_multiple_of": 3, "pad_id": 1, "pad_type_id": 2, "pad_token": "b"})"));
  ASSERT_TRUE(tokenizer->truncation() && tokenizer->padding());
  EXPECT_EQ(tokenizer->truncation()->max_length, 7u);
  EXPECT_EQ(tokenizer->truncation()->side, Side::left);
  EXPECT_EQ(tokenizer->truncation()->strategy, Truncation::Strategy::only_first);
  EXPECT_EQ(tokenizer->padding()->length, 5u);
  EXPECT_EQ(tokenizer->padding()->multiple_of, 3u);
  EXPECT_EQ(tokenizer->encode("a a a a a a a a a").size(), 10u);  // applied only when asked for
}

TEST(TokenizerJson, AddedTokensAreNumberedAsHuggingFaceNumbersThem) {
  const auto tokenizer = load(small_file(R"("id": 8, "content": "<s>")", R"("id": 77, "content": "<t>")"));
  EXPECT_EQ(tokenizer->token_id("<t>"), 8);
}

TEST(TokenizerJson, CachesCanBeTurnedOff) {
  const auto cached = load(small_file());
  const auto uncached = load(small_file(), {.cache_bytes = 0});
  for (int n = 0; n < 3; ++n) EXPECT_EQ(cached->encode("ab abab ab"), uncached->encode("ab abab ab"));
  EXPECT_EQ(uncached->cache_statistics().hits, 0);
}

TEST(TokenizerJson, ErrorsNameTheField) {
  expect_error("{}", "model is missing");
  expect_error("[]", "'{' is expected");
  expect_error("{\"version\": \"2.0\"}", "version is '2.0'");
  expect_error(small_file("\"BPE\"", "\"LSTM\""), "model.type is 'LSTM'", ErrorCode::unsupported);
  expect_error(small_file("\"dropout\": null", "\"dropout\": 0.1"), "model.dropout", ErrorCode::unsupported);
  expect_error(small_file("\"merges\"", "\"merged\""), "model.merges is missing");
  expect_error(small_file("\"a b\"", "\"a b c\""), "model.merges has the entry 'a b c'");
  expect_error(small_file("\"a b\"", "[\"a\"]"), "model.merges has an entry");
  expect_error(small_file("\"ab\": 4", "\"ab\": -4"), "model.vocab gives token 'ab' the id -4");
  expect_error(small_file("\"ab\": 4", "\"ab\": 4000000000"), "model.vocab gives token 'ab' the id 4000000000");
  expect_error(small_file("\"ab\": 4", "\"ab\": 3"), "model.vocab gives the tokens");
  expect_error(small_file("\"ab\": 4", "\"ab\": 4.5"), "an integer is expected");
  expect_error(small_file("\"content\": \"<s>\"", "\"content\": 5"), "added_tokens[0].content is not a string");
  expect_error(small_file("\"lstrip\": false", "\"lstrip\": 1"), "added_tokens[0].lstrip is not true or false");
  expect_error(small_file("\"normalizer\": null", "\"normalizer\": {\"type\": \"Rot13\"}"),
               "normalizer.type is 'Rot13'", ErrorCode::unsupported);
  expect_error(
      small_file("\"normalizer\": null", "\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": 1}]}"),
      "normalizer.normalizers[0].type is not a string");
  expect_error(small_file("\"id\": \"A\"", "\"id\": \"C\""), "post_processor.single[1].Sequence.id is 'C'");
  expect_error(small_file("\"ids\": [8]", "\"ids\": [-8]"), "post_processor.special_tokens.<s>.ids has -8");
  expect_error(small_file("\"decoder\": {\"type\": \"ByteLevel\"", "\"decoder\": {\"type\": \"Base64\""),
               "decoder.type is 'Base64'", ErrorCode::unsupported);
}

TEST(TokenizerJson, DamagedFilesAreRefused) {
  const std::string whole = small_file();
  for (size_t size = 0; size < whole.size(); size += 7) EXPECT_THROW(load(whole.substr(0, size)), Error) << size;
  for (size_t at = 0; at < whole.size(); at += 3) {
    std::string damaged = whole;
    damaged[at] = '\x01';
    try {
      load(damaged);
    } catch (const Error&) {  // refused, or what was hit does not matter
    }
  }
}

}  // namespace
}  // namespace tidemill
