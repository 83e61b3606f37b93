#include "text/rwkv_trie.h"

#include <gtest/gtest.h>

#include "text/readers/python_literal.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

TEST(PythonLiteral, ReadsStrings) {
  EXPECT_EQ(read_python_literal("'a b'"), "a b");
  EXPECT_EQ(read_python_literal("\"it's\""), "it's");
  EXPECT_EQ(read_python_literal("''"), "");
  EXPECT_EQ(read_python_literal(R"('\n\t\r\\\'\"\a\b\f\v')"), "\n\t\r\\'\"\a\b\f\v");
  EXPECT_EQ(read_python_literal(R"('\x41\xe9\u2581\U0001F600\101')"), "A\u00e9\u2581\U0001F600A");
  EXPECT_EQ(read_python_literal("'é'"), "é");
  EXPECT_EQ(read_python_literal(R"('\0')"), std::string(1, '\0'));
}

TEST(PythonLiteral, ReadsBytes) {
  EXPECT_EQ(read_python_literal(R"(b'\xff\x00a')"), std::string("\xFF\0a", 3));
  EXPECT_EQ(read_python_literal(R"(b"'\377")"), "'\xFF");
}

TEST(PythonLiteral, RefusesAllElse) {
  for (const std::string_view bad : {"",
                                     "'",
                                     "a",
                                     "'a",
                                     "'a\"",
                                     "''a'",
                                     "'a'b'",
                                     R"('\')",
                                     R"('\x4')",
                                     R"('\xg1')",
                                     R"('\u258')",
                                     R"('\ud800')",
                                     R"('\U00110000')",
                                     R"('\N{DASH}')",
                                     R"('\q')",
                                     "'a\nb'",
                                     R"(b'\u2581')",
                                     "b'é'",
                                     R"(b'\400')",
                                     "u'a'"}) {
    EXPECT_FALSE(read_python_literal(bad)) << bad;
  }
}

// A vocabulary of all bytes, ids 1 to 256, and what `further` says from 257 on.
std::string vocabulary(const std::vector<std::string>& further = {}) {
  std::string content;
  const auto hex = [](int digit) { return "0123456789abcdef"[digit]; };
  for (int byte = 0; byte < 256; ++byte) {
    content += std::to_string(byte + 1) + " b'\\x" + hex(byte / 16) + hex(byte % 16) + "' 1\n";
  }
  size_t id = 257;
  for (const std::string& token : further) content += std::to_string(id++) + " " + token + "\n";
  return content;
}

std::string refusal(const std::string& content) {
  try {
    make_rwkv_tokenizer(content, "vocab.txt");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_file);
    return error.what();
  }
  return "accepted";
}

TEST(RwkvTrie, TakesTheLongestToken) {
  const auto tokenizer = make_rwkv_tokenizer(vocabulary({"'ab' 2", "'abcd' 4", R"(b'c\xc3' 2)", "'é' 2"}), "v");
  std::vector<TokenSpan> spans;
  EXPECT_EQ(tokenizer->encode("abcdabcé", {}, &spans), (std::vector<int32_t>{258, 257, 259, 0xA9 + 1}));
  EXPECT_EQ(spans.back(), (TokenSpan{8, 9}));
  EXPECT_EQ(tokenizer->encode("é"), std::vector<int32_t>{260});
  EXPECT_EQ(tokenizer->encode(std::string(1, '\0')), std::vector<int32_t>{1});
}

TEST(RwkvTrie, DecodesBytes) {
  const auto tokenizer = make_rwkv_tokenizer(vocabulary({"'ab' 2"}), "v");
  EXPECT_EQ(tokenizer->decode(std::vector<int32_t>{257, 0xC3 + 1, 0xA9 + 1}), "abé");
  EXPECT_EQ(tokenizer->decode(std::vector<int32_t>{0xE2 + 1, 0x96 + 1, 257, 0xFF + 1}), "\uFFFDab\uFFFD");
  EXPECT_EQ(tokenizer->decode(std::vector<int32_t>{0, 257}), "ab");
  EXPECT_EQ(tokenizer->token_bytes(0xC3 + 1), "\xC3");
  EXPECT_EQ(tokenizer->stop_ids()[0], 0);
  StreamDecoder stream(tokenizer);
  EXPECT_EQ(stream.push(0xC3 + 1), "");
  EXPECT_EQ(stream.push(0xA9 + 1), "é");
}

TEST(RwkvTrie, NamesTheLineThatIsWrong) {
  for (const char* const bad : {"'ab'", "'ab' 3", "ab 2", "'' 0", "'ab' x", "'ab' -2"}) {
    EXPECT_EQ(refusal(vocabulary({bad})).substr(0, 20), "vocab.txt: line 257:") << bad;
  }
  EXPECT_NE(refusal(vocabulary() + "256 'ab' 2\n").find("the id 256 occurs twice"), std::string::npos);
  EXPECT_NE(refusal(vocabulary() + "0 'ab' 2\n").find("the id 0 is not between"), std::string::npos);
  EXPECT_NE(refusal(vocabulary() + "99999 'ab' 2\n").find("the id 99999 is not between"), std::string::npos);
  EXPECT_NE(refusal(vocabulary() + "99999999999999999999 'ab' 2\n").find("line 257"), std::string::npos);
  EXPECT_NE(refusal(vocabulary({"'ab' 2", "'ab' 2"})).find("257 and 258 are the same token"), std::string::npos);
  EXPECT_NE(refusal("1 'a' 1\n").find("the byte 0 is no token"), std::string::npos);
  EXPECT_EQ(refusal(vocabulary() + "\n"), "accepted");
}

TEST(RwkvTrie, IsRecognised) {
  EXPECT_TRUE(is_rwkv_vocabulary(vocabulary()));
  EXPECT_TRUE(is_rwkv_vocabulary("1 '\\x00' 1\r\n"));
  for (const std::string_view other : {"", "[PAD]\n[UNK]\n", "IQ== 0\nIg== 1\n", "{\"a\": 1}", "1 2 3\n"}) {
    EXPECT_FALSE(is_rwkv_vocabulary(other)) << other;
  }
}

}  // namespace
}  // namespace tidemill
