#include "text/readers/vocab_files.h"

#include <gtest/gtest.h>

#include "text/readers/tiktoken.h"
#include "text/readers/tokenizer_config.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using Ids = std::vector<int32_t>;

template <typename Read>
void expect_error(Read&& read, const std::string& part_of_message, ErrorCode code = ErrorCode::bad_file) {
  try {
    read();
    ADD_FAILURE() << "accepted: " << part_of_message;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    EXPECT_NE(std::string(error.what()).find(part_of_message), std::string::npos) << error.what();
  }
}

constexpr std::string_view kVocabTxt = "[UNK]\n[CLS]\n[SEP]\ntide\r\n##mill\nmill\n";

TEST(VocabFiles, ReadsVocabTxt) {
  const auto tokenizer = build_tokenizer(read_vocab_txt(kVocabTxt, "vocab.txt"), {});
  EXPECT_EQ(tokenizer->encode("TideMill mill [SEP] x"), (Ids{1, 3, 4, 5, 2, 0, 2}));
  EXPECT_EQ(tokenizer->decode(Ids{1, 3, 4, 5, 2}), "tidemill mill");
  const auto cased = build_tokenizer(read_vocab_txt("[UNK]\nTide\n", "vocab.txt"), {});
  EXPECT_EQ(cased->encode("Tide tide"), (Ids{1, 0}));
  expect_error([] { read_vocab_txt("a\nb\n", "vocab.txt"); }, "vocab.txt: no line is [UNK]");
  expect_error([] { read_vocab_txt("[UNK]\n\xFF\n", "vocab.txt"); }, "not UTF-8");
}

TEST(VocabFiles, ReadsVocabAndMerges) {
  const std::string vocab = R"({"a": 0, "b": 1, "ab": 2, "\u0120": 3, "<|endoftext|>": 4})";
  const auto read = [&](std::string_view merges) {
    return read_vocab_and_merges(vocab, merges, "vocab.json", "merges.txt");
  };
  const auto tokenizer = build_tokenizer(read("#version: 0.2\na b\n"), {});
  EXPECT_EQ(tokenizer->encode("ab a<|endoftext|>"), (Ids{2, 3, 0, 4}));
  EXPECT_EQ(std::vector(tokenizer->stop_ids().begin(), tokenizer->stop_ids().end()), Ids{4});
  expect_error([&] { read("#version: 0.2\na b c\n"); }, "merges.txt: line 2 is not two tokens");
  expect_error([] { read_vocab_and_merges("{\"a\": -1}", "", "vocab.json", "merges.txt"); }, "vocab.json: token 'a'");
}

TEST(VocabFiles, ReadsRanks) {
  const std::string ranks = "YQ== 0\nYg== 1\nIA== 2\nYWI= 3\nIGE= 4\n";  // a, b, space, ab, space a
  EXPECT_TRUE(is_tiktoken(ranks));
  EXPECT_FALSE(is_tiktoken("[UNK]\n"));
  const auto read = [](std::string_view text) { return read_tiktoken(text, "cl100k_base.tiktoken", "f"); };
  const auto tokenizer = build_tokenizer(read(ranks), {});
  EXPECT_EQ(tokenizer->encode("ab a<|endoftext|>a", {.special_text = SpecialText::parse}), (Ids{3, 4, 100257, 0}));
  EXPECT_EQ(tokenizer->encode("<|endoftext|>b"), (Ids{1}));  // text, of which the vocabulary lacks all but the last
  EXPECT_EQ(tokenizer->decode(Ids{3, 4, 100257}, false), "ab a<|endoftext|>");
  expect_error([&] { read("YQ== 0\nYg== x\n"); }, "f: line 2 is not");
  expect_error([&] { read("YQ== 0\nYg== 0\n"); }, "f: line 2 gives the rank 0 a second time");
  expect_error([&] { read("YQ== 4000000000\n"); }, "f: line 1 is not");
  expect_error([&] { read_tiktoken(ranks, "mine.tiktoken", "f"); }, "cl100k_base", ErrorCode::unsupported);
}

TEST(TokenizerConfig, SaysWhatBeginsAndEndsTexts) {
  TokenizerDescription description = read_vocab_txt("[UNK]\n<s>\n</s>\na\n", "vocab.txt");
  TokenizerConfig config;
  config.read_special_tokens_map(R"({"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": true}})", "map");
  config.read_tokenizer_config(
      R"({"add_bos_token": true, "add_eos_token": true, "clean_up_tokenization_spaces": true, "do_lower_case": false,
          "added_tokens_decoder": {"9": {"content": "<turn>", "special": true}}})",
      "config");
  config.read_generation_config(R"({"eos_token_id": [2, 9]})", "generation");
  EXPECT_EQ(config.do_lower_case(), false);
  config.apply(description);
  const auto tokenizer = build_tokenizer(std::move(description), {});
  EXPECT_EQ(tokenizer->encode("a<turn>"), (Ids{1, 3, 9, 2}));
  EXPECT_EQ(tokenizer->bos_id(), 1);
  EXPECT_EQ(std::vector(tokenizer->stop_ids().begin(), tokenizer->stop_ids().end()), (Ids{2, 9}));
}

TEST(TokenizerConfig, MalformedFieldsAreNamed) {
  TokenizerConfig config;
  expect_error([&] { config.read_tokenizer_config("[]", "c.json"); }, "c.json: tokenizer_config is no JSON object");
  expect_error([&] { config.read_tokenizer_config("{", "c.json"); }, "c.json: ");
  expect_error([&] { config.read_tokenizer_config(R"({"add_bos_token": 1})", "c.json"); }, "add_bos_token is not");
  expect_error([&] { config.read_tokenizer_config(R"({"bos_token": 1})", "c.json"); }, "bos_token is no JSON object");
  expect_error([&] { config.read_tokenizer_config(R"({"added_tokens_decoder": {"x": "y"}})", "c.json"); },
               "the id 'x'");
  expect_error([&] { config.read_generation_config(R"({"eos_token_id": "x"})", "g.json"); }, "eos_token_id is");
}

}  // namespace
}  // namespace tidemill
