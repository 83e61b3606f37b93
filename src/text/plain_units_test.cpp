#include "text/plain_units.h"

#include <gtest/gtest.h>

#include "tidemill/error.h"

namespace tidemill {
namespace {

TEST(PlainUnits, Bytes) {
  const auto tokenizer = make_plain_tokenizer(PlainUnit::byte, {.first_id = 3, .stop_id = 1});
  EXPECT_EQ(tokenizer->vocab_size(), 259);
  EXPECT_EQ(tokenizer->encode("aé"), (std::vector<int32_t>{100, 198, 172}));
  EXPECT_EQ(tokenizer->decode(std::vector<int32_t>{100, 1, 198, 172, 258}), "aé\uFFFD");
  EXPECT_EQ(tokenizer->token_id("a"), 100);
  EXPECT_EQ(tokenizer->token_id("ab"), -1);
  EXPECT_EQ(tokenizer->token_bytes(198), "\xC3");
  EXPECT_EQ(tokenizer->stop_ids()[0], 1);
}

TEST(PlainUnits, Characters) {
  const auto tokenizer = make_plain_tokenizer(PlainUnit::character, {});
  EXPECT_EQ(tokenizer->vocab_size(), 0x110000);
  std::vector<TokenSpan> spans;
  EXPECT_EQ(tokenizer->encode("aé😀", {}, &spans), (std::vector<int32_t>{'a', 0xE9, 0x1F600}));
  EXPECT_EQ(spans[1], (TokenSpan{1, 3}));
  EXPECT_EQ(tokenizer->decode(std::vector<int32_t>{'a', 0xD800, 0x1F600}), "a😀");
  EXPECT_EQ(tokenizer->token_id("é"), 0xE9);
  EXPECT_EQ(tokenizer->token_id("éa"), -1);
  EXPECT_EQ(tokenizer->token_id("\xC3"), -1);
}

TEST(PlainUnits, RefusesAFirstIdOutOfRange) {
  EXPECT_THROW(make_plain_tokenizer(PlainUnit::byte, {.first_id = -1}), Error);
  EXPECT_THROW(make_plain_tokenizer(PlainUnit::byte, {.first_id = 1 << 21}), Error);
}

}  // namespace
}  // namespace tidemill
