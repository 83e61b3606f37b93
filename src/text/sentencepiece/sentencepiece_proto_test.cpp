#include "text/sentencepiece/sentencepiece_proto.h"

#include <gtest/gtest.h>

#include <cmath>

#include "sys/protobuf_reader.h"
#include "text/pieces/byte_tokens.h"
#include "text/sentencepiece/sentencepiece_test.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

const std::string kSource = "m.model";

// The message with which `bytes` are refused.
std::string refusal(const std::string& bytes) {
  try {
    read_sentencepiece_proto(bytes, kSource);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_file);
    return error.what();
  }
  return "accepted";
}

TEST(ProtobufReader, ReadsAllTypesAndSkips) {
  const std::string bytes = number_field(1, 300) + bytes_field(2, "text") + float_field(3, -1.5f) +
                            varint_bytes(4 << 3 | 1) + std::string(8, 'x') + number_field(5, ~uint64_t{0});
  ProtobufReader reader(bytes, kSource);
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.field(), 1u);
  EXPECT_EQ(reader.varint("one"), 300u);
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.bytes("two"), "text");
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.float32("three"), -1.5f);
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.field(), 4u);
  reader.skip();
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.varint("five"), ~uint64_t{0});
  EXPECT_FALSE(reader.next());
}

TEST(SentencePieceProto, ReadsWhatTokenizersNeed) {
  ModelFile file;
  file.add("a", -2.5f);
  file.add("b", 0, TokenType::user_defined);
  file.kind = 2;
  file.trainer = number_field(24, 1) + bytes_field(44, "?") + bytes_field(46, "<b>") + bytes_field(47, "");
  file.normalizer = bytes_field(1, "name") + number_field(3, 0) + number_field(5, 0);
  file.others = bytes_field(4, "skipped") + bytes_field(5, number_field(3, 0)) + bytes_field(200, "an extension");
  const std::string bytes = file.bytes();
  const SentencePieceProto proto = read_sentencepiece_proto(bytes, kSource);
  ASSERT_EQ(proto.pieces.size(), 5u);
  EXPECT_EQ(proto.pieces[3].text, "a");
  EXPECT_EQ(proto.pieces[3].score, -2.5f);
  EXPECT_EQ(proto.pieces[4].type, TokenType::user_defined);
  EXPECT_EQ(proto.unknown, 0u);
  EXPECT_EQ(proto.kind, SentencePieceProto::Kind::bpe);
  EXPECT_TRUE(proto.treat_whitespace_as_suffix);
  EXPECT_EQ(proto.unknown_surface, "?");
  EXPECT_EQ(proto.bos_piece, "<b>");
  EXPECT_EQ(proto.eos_piece, "</s>");  // an empty name counts as none
  EXPECT_FALSE(proto.normalizer.add_dummy_prefix);
  EXPECT_TRUE(proto.normalizer.remove_extra_whitespaces);
  EXPECT_FALSE(proto.normalizer.escape_whitespaces);
  ASSERT_TRUE(proto.denormalizer);
  EXPECT_FALSE(proto.denormalizer->add_dummy_prefix);
}

TEST(SentencePieceProto, NumbersThatAreNoTypeCountAsNotSaid) {
  ModelFile file;
  file.pieces += bytes_field(1, bytes_field(1, "a") + number_field(3, 7));
  file.kind = 9;
  const std::string bytes = file.bytes();
  const SentencePieceProto proto = read_sentencepiece_proto(bytes, kSource);
  EXPECT_EQ(proto.pieces[3].type, TokenType::normal);
  EXPECT_EQ(proto.kind, SentencePieceProto::Kind::unigram);
}

TEST(SentencePieceProto, NamesTheFieldThatIsWrong) {
  const auto with = [](const std::string& pieces) {
    ModelFile file;
    file.pieces += pieces;
    return refusal(file.bytes());
  };
  EXPECT_EQ(with(bytes_field(1, number_field(1, 5))),
            "m.model: pieces[3]: piece: it has the wire type 0 instead of 2; get the file again from where it was "
            "published");
  EXPECT_NE(with(piece_field("")).find("pieces[3]: piece: it is empty"), std::string::npos);
  EXPECT_NE(with(piece_field("\xFF")).find("pieces[3]: piece: it is not UTF-8"), std::string::npos);
  EXPECT_NE(with(piece_field("a", NAN)).find("pieces[3]: score: it is not a number"), std::string::npos);
  EXPECT_NE(with(piece_field("a") + piece_field("a")).find("'a' occurs twice"), std::string::npos);
  EXPECT_NE(with(piece_field("u", 0, TokenType::unknown)).find("2 are unknown tokens"), std::string::npos);
  EXPECT_NE(with(piece_field("<0x41>", 0, TokenType::byte)).find("byte_fallback is off"), std::string::npos);
  EXPECT_NE(with(varint_bytes(3)).find("a field's key"), std::string::npos);
  EXPECT_NE(with(varint_bytes(9 << 3 | 3)).find("field 9: it has the wire type 3"), std::string::npos);
}

TEST(SentencePieceProto, WantsAllBytesOrNone) {
  ModelFile file;
  file.trainer = number_field(35, 1);
  EXPECT_NE(refusal(file.bytes()).find("the byte '<0x00>' is missing"), std::string::npos);
  for (size_t byte = 0; byte < 256; ++byte) file.add(byte_token_name(byte), 0, TokenType::byte);
  EXPECT_EQ(refusal(file.bytes()), "accepted");
  file.add("<0x4g>", 0, TokenType::byte);
  EXPECT_NE(refusal(file.bytes()).find("'<0x4g>' is not <0x00> to <0xFF>"), std::string::npos);
}

TEST(SentencePieceProto, RefusesEveryCutFileThatLacksPartOfAField) {
  ModelFile file;
  file.add("abc", -1);
  const std::string bytes = file.bytes();
  size_t n_accepted = 0;
  for (size_t size = 0; size < bytes.size(); ++size) n_accepted += refusal(bytes.substr(0, size)) == "accepted";
  // Between two fields of the file a cut cannot be seen: after each piece from the unknown one on, and after
  // trainer_spec.
  EXPECT_EQ(n_accepted, 5u);
}

}  // namespace
}  // namespace tidemill
