#include "text/token_decoder.h"

#include <gtest/gtest.h>

#include "tidemill/error.h"

namespace tidemill {
namespace {

using Parts = std::vector<std::string>;

Parts decoded(const TokenDecoder& decoder, Parts tokens) {
  decoder.apply(tokens);
  return tokens;
}

TEST(TokenDecoder, ByteLevel) {
  const auto decoder = make_byte_level_decoder();
  EXPECT_EQ(decoded(*decoder, {"a", "\u0120b", "\u00c3", "\u00a9"}), Parts{"a b\u00e9"});
  EXPECT_EQ(decoded(*decoder, {"\u00c3", "x"}), Parts{"\uFFFDx"});
  EXPECT_EQ(decoded(*decoder, {"<|a b|>", "\u4f60"}), Parts{"<|a b|>\u4f60"});  // not in the alphabet: as they are
  EXPECT_EQ(decoder->text_of("\u00c3"), "\xC3");
}

TEST(TokenDecoder, WordPiece) {
  const auto decoder = make_wordpiece_decoder("##", true);
  EXPECT_EQ(decoded(*decoder, {"do", "##n", "'", "t", ".", "do not"}), (Parts{"do", "n", " '", " t", ".", " don't"}));
  EXPECT_EQ(decoded(*make_wordpiece_decoder("##", false), {"##a", "##b", "."}), (Parts{"##a", "b", " ."}));
}

TEST(TokenDecoder, Metaspace) {
  EXPECT_EQ(decoded(*make_metaspace_decoder("\u2581", true), {"\u2581a\u2581", "\u2581b"}), (Parts{"a", " b"}));
  EXPECT_EQ(decoded(*make_metaspace_decoder("\u2581", false), {"\u2581a", "\u2581b"}), (Parts{" a", " b"}));
}

TEST(TokenDecoder, WordSuffix) {
  EXPECT_EQ(decoded(*make_bpe_decoder("</w>"), {"ab", "c</w>", "d</w>"}), (Parts{"ab", "c ", "d"}));
  EXPECT_EQ(decoded(*make_bpe_decoder("</w>"), {}), Parts{});
}

TEST(TokenDecoder, Ctc) {
  const auto decoder = make_ctc_decoder("<pad>", "|", true);
  EXPECT_EQ(decoded(*decoder, {"<pad>", "h", "h", "<pad>", "h", "|", "|", "i"}), (Parts{"h", "h", " ", "i"}));
}

TEST(TokenDecoder, RunsOfBytesAreTextOrNot) {
  const auto decoder = make_byte_fallback_decoder();
  EXPECT_EQ(decoded(*decoder, {"<0xC3>", "<0xA9>", "a", "<0x41>"}), (Parts{"\u00e9", "a", "A"}));
  EXPECT_EQ(decoded(*decoder, {"<0x41>", "<0xC3>"}), (Parts{"\uFFFD", "\uFFFD"}));
  EXPECT_EQ(decoded(*decoder, {"<0x4>", "<0xG1>"}), (Parts{"<0x4>", "<0xG1>"}));
  EXPECT_EQ(decoder->text_of("<0xC3>"), "\xC3");
}

// Expected values are those of Hugging Face's Replace.
TEST(TokenDecoder, RegularExpressionsAreReplaced) {
  const auto decoder = make_replace_regex_decoder("\\d+|(?<=x)y", "#", "f.json: decoder");
  EXPECT_EQ(decoded(*decoder, {"a12b3", "xyy", "y", ""}), (Parts{"a#b#", "x#y", "y", ""}));
  EXPECT_EQ(decoder->text_of("\xC3"), "\xC3");
  EXPECT_THROW(make_replace_regex_decoder("(", "", "f.json: decoder"), Error);
}

TEST(TokenDecoder, StripReplaceAndFuseInSequence) {
  std::vector<std::unique_ptr<const TokenDecoder>> decoders;
  decoders.push_back(make_replace_decoder("\u2581", " "));
  decoders.push_back(make_byte_fallback_decoder());
  decoders.push_back(make_fuse_decoder());
  decoders.push_back(make_strip_decoder(" ", 1, 0));
  const auto decoder = make_decoder_sequence(std::move(decoders));
  EXPECT_EQ(decoded(*decoder, {"\u2581\u2581a", "<0x21>", "\u2581b"}), Parts{" a! b"});
  EXPECT_EQ(decoder->text_of("\u2581b"), " b");
  EXPECT_EQ(decoded(*make_strip_decoder("x", 1, 2), {"xxaxxx", "b"}), (Parts{"xax", "b"}));
}

}  // namespace
}  // namespace tidemill
