#include "text/pieces/byte_alphabet.h"

#include <gtest/gtest.h>

#include <set>

#include "text/readers/base64.h"

namespace tidemill {
namespace {

TEST(ByteAlphabet, HasACharacterForEveryByte) {
  std::set<std::string_view> characters;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string_view c = byte_character(static_cast<uint8_t>(byte));
    characters.insert(c);
    std::string back;
    ASSERT_TRUE(append_spelled_bytes(c, back));
    EXPECT_EQ(back, std::string(1, static_cast<char>(byte)));
  }
  EXPECT_EQ(characters.size(), 256u);
  EXPECT_EQ(spell_bytes(" a\n\u00e9\xFF"), "\u0120a\u010a\u00c3\u00a9\u00ff");
}

TEST(ByteAlphabet, RefusesOtherCharacters) {
  std::string bytes = "x";
  EXPECT_FALSE(append_spelled_bytes("a b", bytes));
  EXPECT_FALSE(append_spelled_bytes("\u4f60", bytes));
  EXPECT_FALSE(append_spelled_bytes("\u0144", bytes));
  EXPECT_EQ(bytes, "x");
}

TEST(Base64, DecodesWithItsPaddingOnly) {
  EXPECT_EQ(decode_base64("IQ=="), "!");
  EXPECT_EQ(decode_base64("IGE="), " a");
  EXPECT_EQ(decode_base64("AP/+"), std::string("\0\xFF\xFE", 3));
  EXPECT_EQ(decode_base64(""), "");
  EXPECT_EQ(decode_base64("IQ"), std::nullopt);
  EXPECT_EQ(decode_base64("I Q="), std::nullopt);
  EXPECT_EQ(decode_base64("I==="), std::nullopt);
}

}  // namespace
}  // namespace tidemill
