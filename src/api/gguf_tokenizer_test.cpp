#include "api/gguf_tokenizer.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "formats/gguf_test_file.h"

namespace tidemill {
namespace {

// The metadata of a small "llama" tokenizer, which each test changes at will.
struct Metadata {
  std::vector<std::string> tokens{"<unk>",         "<s>",    "</s>", "<mask>", "<unused1>", "<start_of_image>",
                                  "<end_of_turn>", "\u2581", "a",    "\u2581a"};
  std::vector<float> scores{0, 0, 0, 0, 0, 0, 0, -1, -2, -0.5f};
  std::vector<int32_t> types{2, 3, 3, 3, 3, 4, 3, 1, 1, 1};
  GgufTestFile more;  // further entries

  GgufTestFile file(const std::string& kind = "llama") const {
    GgufTestFile result = more;
    std::string names, numbers, kinds;
    for (const std::string& token : tokens) names += raw_string(token);
    for (const float score : scores) numbers += raw(score);
    for (const int32_t type : types) kinds += raw(type);
    result.entry("tokenizer.ggml.model", GgufType::string, raw_string(kind))
        .list("tokenizer.ggml.tokens", GgufType::string, tokens.size(), names)
        .list("tokenizer.ggml.scores", GgufType::f32, scores.size(), numbers)
        .list("tokenizer.ggml.token_type", GgufType::i32, types.size(), kinds);
    return result;
  }
};

std::shared_ptr<const Tokenizer> load(const GgufTestFile& file) {
  return tokenizer_of(GgufFile::from_memory(file.bytes(), "model.gguf"));
}

void expect_error(const GgufTestFile& file, const std::string& part_of_message, ErrorCode code = ErrorCode::bad_file) {
  try {
    load(file);
    ADD_FAILURE() << "accepted: " << part_of_message;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    EXPECT_EQ(std::string(error.what()).find("model.gguf: "), 0u) << error.what();
    EXPECT_NE(std::string(error.what()).find(part_of_message), std::string::npos) << error.what();
  }
}

TEST(GgufTokenizer, AssumesWhatFilesLeaveOut) {
  const auto tokenizer = load(Metadata().file());
  EXPECT_EQ(tokenizer->bos_id(), 1);
  EXPECT_EQ(tokenizer->encode("a"), (std::vector<int32_t>{1, 9}));  // with <s> and a space before
  EXPECT_EQ(tokenizer->encode("b"), (std::vector<int32_t>{1, 7, 0}));
  EXPECT_EQ(std::vector(tokenizer->stop_ids().begin(), tokenizer->stop_ids().end()), (std::vector<int32_t>{2, 6}));
}

TEST(GgufTokenizer, ReadsIdsAndFlags) {
  Metadata metadata;
  metadata.more.entry("tokenizer.ggml.bos_token_id", GgufType::u32, raw(uint32_t{2}))
      .entry("tokenizer.ggml.eos_token_id", GgufType::u32, raw(uint32_t{1}))
      .entry("tokenizer.ggml.unknown_token_id", GgufType::i32, raw(int32_t{3}))
      .entry("tokenizer.ggml.eot_token_id", GgufType::u32, raw(uint32_t{8}))
      .entry("tokenizer.ggml.eom_token_id", GgufType::u32, raw(std::numeric_limits<uint32_t>::max()))
      .entry("tokenizer.ggml.add_bos_token", GgufType::boolean, raw(uint8_t{0}))
      .entry("tokenizer.ggml.add_eos_token", GgufType::boolean, raw(uint8_t{1}))
      .entry("tokenizer.ggml.add_space_prefix", GgufType::boolean, raw(uint8_t{0}));
  const auto tokenizer = load(metadata.file());
  EXPECT_EQ(tokenizer->bos_id(), 2);
  EXPECT_EQ(tokenizer->encode("ab"), (std::vector<int32_t>{8, 3, 1}));
  EXPECT_EQ(std::vector(tokenizer->stop_ids().begin(), tokenizer->stop_ids().end()), (std::vector<int32_t>{1, 6, 8}));
}

// Files call these control and user-defined tokens; the published tokenizers of Gemma say otherwise.
TEST(GgufTokenizer, KnowsTokensThatFilesMisname) {
  const auto tokenizer = load(Metadata().file());
  EXPECT_EQ(tokenizer->decode(std::vector<int32_t>{1, 3, 4, 5, 6}), "<mask><unused1>");
  const EncodeOptions as_text{.add_special_tokens = false, .special_text = SpecialText::as_text};
  EXPECT_EQ(tokenizer->encode("<mask>", as_text), std::vector<int32_t>{3});
  EXPECT_EQ(tokenizer->encode("<unused1>", as_text), std::vector<int32_t>{4});
  for (const int32_t id : tokenizer->encode("<start_of_image>", as_text)) EXPECT_NE(id, 5);
}

TEST(GgufTokenizer, KeepsNothingOfTheFile) {
  std::shared_ptr<const Tokenizer> tokenizer;
  {
    std::vector<std::byte> bytes = Metadata().file().bytes();
    tokenizer = tokenizer_of(GgufFile::from_memory(bytes, "model.gguf"));
    std::fill(bytes.begin(), bytes.end(), std::byte{0xFF});
  }
  EXPECT_EQ(tokenizer->token_name(9), "\u2581a");
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("a a")), "a a");
}

TEST(GgufTokenizer, RefusesBadMetadata) {
  const auto damaged = [](const std::function<void(Metadata&)>& damage) {
    Metadata metadata;
    damage(metadata);
    return metadata.file();
  };
  expect_error(damaged([](Metadata& m) { m.tokens = {}, m.scores = {}, m.types = {}; }), "empty");
  expect_error(damaged([](Metadata& m) { m.scores.pop_back(); }), "tokenizer.ggml.scores has 9 entries for 10 tokens");
  expect_error(damaged([](Metadata& m) { m.types.push_back(1); }), "tokenizer.ggml.token_type has 11 entries");
  expect_error(damaged([](Metadata& m) { m.types[2] = 0; }), "token_type of token 2 is 0");
  expect_error(damaged([](Metadata& m) { m.types[2] = 7; }), "token_type of token 2 is 7");
  expect_error(damaged([](Metadata& m) { m.types[2] = 3 + 256; }), "token_type of token 2 is 259");
  expect_error(damaged([](Metadata& m) { m.types[7] = 6; }), "is a byte token");
  expect_error(damaged([](Metadata& m) { m.tokens[7] = m.tokens[8]; }), "occurs twice");
  expect_error(damaged([](Metadata& m) { m.scores[7] = std::numeric_limits<float>::quiet_NaN(); }), "not a number");
  for (const char* key : {"bos_token_id", "eos_token_id", "unknown_token_id", "eot_token_id"}) {
    for (const uint64_t id : {uint64_t{10}, uint64_t{1} << 40, ~uint64_t{0} >> 1}) {
      expect_error(damaged([&](Metadata& m) {
                     m.more.entry(std::string("tokenizer.ggml.").append(key), GgufType::u64, raw(id));
                   }),
                   key);
    }
  }
}

TEST(GgufTokenizer, RefusesWrongTypes) {
  const auto instead = [](const std::string& key, GgufType type, const std::string& value) {
    GgufTestFile file;
    const std::string prefix = "tokenizer.ggml.";
    file.entry(prefix + "model", GgufType::string, raw_string("llama"));
    if (key != "tokens") file.list(prefix + "tokens", GgufType::string, 1, raw_string("a"));
    if (key != "scores") file.list(prefix + "scores", GgufType::f32, 1, raw(0.0f));
    if (key != "token_type") file.list(prefix + "token_type", GgufType::i32, 1, raw(int32_t{1}));
    if (!value.empty()) file.entry(prefix + key, type, value);
    return file;
  };
  const std::string one_byte = raw(GgufType::u8) + raw(uint64_t{1}) + raw(uint8_t{1});
  expect_error(instead("tokens", GgufType::u8, ""), "tokenizer.ggml.tokens is missing");
  expect_error(instead("tokens", GgufType::array, one_byte), "tokenizer.ggml.tokens");
  expect_error(instead("scores", GgufType::u8, ""), "tokenizer.ggml.scores is missing");
  expect_error(instead("scores", GgufType::array, one_byte), "tokenizer.ggml.scores");
  expect_error(instead("scores", GgufType::f32, raw(1.0f)), "tokenizer.ggml.scores");
  expect_error(instead("token_type", GgufType::u8, ""), "tokenizer.ggml.token_type is missing");
  expect_error(instead("token_type", GgufType::array, raw(GgufType::f32) + raw(uint64_t{1}) + raw(1.0f)),
               "tokenizer.ggml.token_type");
  expect_error(instead("add_bos_token", GgufType::string, raw_string("yes")), "tokenizer.ggml.add_bos_token");
  expect_error(instead("bos_token_id", GgufType::f32, raw(0.0f)), "tokenizer.ggml.bos_token_id");
}

// A small byte-level vocabulary; `more` is added to its metadata.
GgufTestFile byte_level_file(const std::string& pre, GgufTestFile more = {}) {
  const std::vector<std::string> tokens{"a", "b", "\u0120", "\u0120a", "ab", "<|end|>", "[tool]"};
  std::string names;
  for (const std::string& token : tokens) names += raw_string(token);
  std::string kinds;
  for (const int32_t type : {1, 1, 1, 1, 1, 3, 4}) kinds += raw(type);
  return more.entry("tokenizer.ggml.model", GgufType::string, raw_string("gpt2"))
      .entry("tokenizer.ggml.pre", GgufType::string, raw_string(pre))
      .entry("tokenizer.ggml.eos_token_id", GgufType::u32, raw(uint32_t{5}))
      .list("tokenizer.ggml.tokens", GgufType::string, tokens.size(), names)
      .list("tokenizer.ggml.token_type", GgufType::i32, tokens.size(), kinds)
      .list("tokenizer.ggml.merges", GgufType::string, 2, raw_string("\u0120 a") + raw_string("a b"));
}

TEST(GgufTokenizer, ReadsByteLevelBpe) {
  const auto tokenizer = load(byte_level_file("gpt-2"));
  EXPECT_EQ(tokenizer->encode("ab a<|end|>b[tool]"), (std::vector<int32_t>{4, 3, 5, 1, 6}));
  const std::vector<int32_t> ids{4, 3, 5, 6};
  EXPECT_EQ(tokenizer->decode(ids), "ab a[tool]");
  EXPECT_EQ(tokenizer->decode(ids, false), "ab a<|end|>[tool]");
  EXPECT_EQ(std::vector(tokenizer->stop_ids().begin(), tokenizer->stop_ids().end()), std::vector<int32_t>{5});
  EXPECT_EQ(load(byte_level_file("roberta-bpe"))->encode("a"), (std::vector<int32_t>{0, 5}));
}

TEST(GgufTokenizer, ChecksByteLevelBpe) {
  expect_error(byte_level_file("my-own"), "tokenizer.ggml.pre is 'my-own'", ErrorCode::unsupported);
  expect_error(Metadata().file("gpt2"), "tokenizer.ggml.merges");
}

// Word starts are marked by U+2581 in the file.
TEST(GgufTokenizer, ReadsWordPiece) {
  Metadata metadata;
  metadata.tokens = {"[UNK]", "[CLS]", "[SEP]", "\u2581tide", "mill", "\u2581mill"};
  metadata.scores = {0, 0, 0, 0, 0, 0};
  metadata.types = {2, 3, 3, 1, 1, 1};
  expect_error(metadata.file("bert"), "tokenizer.ggml.unknown_token_id");
  metadata.more.entry("tokenizer.ggml.unknown_token_id", GgufType::u32, raw(uint32_t{0}))
      .entry("tokenizer.ggml.cls_token_id", GgufType::u32, raw(uint32_t{1}))
      .entry("tokenizer.ggml.seperator_token_id", GgufType::u32, raw(uint32_t{2}));
  const auto tokenizer = load(metadata.file("bert"));
  EXPECT_EQ(tokenizer->encode("Tidemill mill x"), (std::vector<int32_t>{1, 3, 4, 5, 0, 2}));
}

TEST(GgufTokenizer, ReadsUnigram) {
  Metadata metadata;
  metadata.tokens = {"<pad>", "</s>", "<unk>", "\u2581", "\u2581a", "a", "b", "ab"};
  metadata.scores = {0, 0, 0, -2, -2, -3, -3, -4};
  metadata.types = {3, 3, 2, 1, 1, 1, 1, 1};
  metadata.more.entry("tokenizer.ggml.add_space_prefix", GgufType::boolean, raw(uint8_t{1}))
      .entry("tokenizer.ggml.remove_extra_whitespaces", GgufType::boolean, raw(uint8_t{1}));
  const auto tokenizer = load(metadata.file("t5"));
  EXPECT_EQ(tokenizer->encode("ab   xab "), (std::vector<int32_t>{4, 6, 3, 2, 7, 1}));
  EXPECT_EQ(tokenizer->decode(std::vector<int32_t>{4, 6, 3, 7, 1}), "ab ab");
  const std::string map = raw(GgufType::i32) + raw(uint64_t{1}) + raw(int32_t{4});
  metadata.more.entry("tokenizer.ggml.precompiled_charsmap", GgufType::array, map);
  expect_error(metadata.file("t5"), "tokenizer.ggml.precompiled_charsmap is not a list of u8");
}

// Bytes as Python writes them; id 0 ends texts.
TEST(GgufTokenizer, ReadsRwkv) {
  Metadata metadata;
  metadata.tokens = {"<s>"};
  metadata.types = {3};
  for (int byte = 0; byte < 256; ++byte) {
    constexpr char kDigits[] = "0123456789abcdef";
    metadata.tokens.push_back(std::string("\\x") + kDigits[byte / 16] + kDigits[byte % 16]);
    metadata.types.push_back(1);
  }
  metadata.tokens.insert(metadata.tokens.end(), {"\\n\\n", "it\\'s", "[PAD9]"});
  metadata.types.insert(metadata.types.end(), {1, 1, 5});
  metadata.scores.assign(metadata.tokens.size(), 0);
  const auto tokenizer = load(metadata.file("rwkv"));
  EXPECT_EQ(tokenizer->encode("it's\n\n\n"), (std::vector<int32_t>{258, 257, 11}));
  EXPECT_EQ(tokenizer->encode("<s>").size(), 3u);
  EXPECT_EQ(tokenizer->encode("<s>a", {.special_text = SpecialText::parse}), (std::vector<int32_t>{0, 98}));
  EXPECT_EQ(tokenizer->decode(std::vector<int32_t>{0, 258, 257}), "it's\n\n");
  EXPECT_EQ(std::vector(tokenizer->stop_ids().begin(), tokenizer->stop_ids().end()), std::vector<int32_t>{0});
  for (const char* token : {"\\x4", "\\q", "a\\", "\\xg0"}) {
    metadata.tokens.back() = token;
    metadata.types.back() = 1;
    expect_error(metadata.file("rwkv"), "malformed token 259");
  }
}

TEST(GgufTokenizer, NamesKindsThatItLacks) {
  expect_error(GgufTestFile(), "tokenizer.ggml.model is missing");
  expect_error(Metadata().file("plamo2"), "'plamo2'", ErrorCode::unsupported);
}

TEST(Tokenizer, SaysWhenThereIsNoFile) {
  try {
    Tokenizer::from_file("/nowhere/model.gguf");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::not_found);
  }
}

}  // namespace
}  // namespace tidemill
