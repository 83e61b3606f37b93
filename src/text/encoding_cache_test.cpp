#include "tidemill/encoding_cache.h"

#include <gtest/gtest.h>

#include "text/plain_units.h"

namespace tidemill {
namespace {

class EncodingCacheTest : public testing::Test {
 protected:
  const std::shared_ptr<const Tokenizer> tokenizer_ = make_plain_tokenizer(PlainUnit::byte, {});
  EncodingCache cache_{tokenizer_, {.capacity = 4}};
};

TEST_F(EncodingCacheTest, GivesWhatTheTokenizerGives) {
  for (int round = 0; round < 2; ++round)
    for (const std::string_view text : {"the mill", "", "tide"})
      EXPECT_EQ(*cache_.encode(text), tokenizer_->encode(text));
  const CacheStatistics counted = cache_.statistics();
  EXPECT_EQ(counted.hits, 3);
  EXPECT_EQ(counted.misses, 3);
  EXPECT_GT(counted.bytes, static_cast<int64_t>(4 * std::string_view("the milltide").size()));
}

TEST_F(EncodingCacheTest, OptionsMakeADifference) {
  const EncodeOptions cut{.truncation = Truncation{.max_length = 2}};
  const EncodeOptions cut_left{.truncation = Truncation{.max_length = 2, .side = Side::left}};
  const EncodeOptions padded{.padding = Padding{.length = 6, .id = 7}};
  for (int round = 0; round < 2; ++round)
    for (const EncodeOptions& options : {EncodeOptions{}, cut, cut_left, padded})
      EXPECT_EQ(*cache_.encode("mill", options), tokenizer_->encode("mill", options));
  EXPECT_EQ(cache_.statistics().hits, 4);
}

TEST_F(EncodingCacheTest, BatchesAreThoseOfTheTokenizer) {
  const std::vector<std::string_view> texts = {"a", "mill", "a", "the tide"};
  cache_.encode("mill");
  for (const EncodeOptions& options : {EncodeOptions{}, EncodeOptions{.padding = Padding{}}}) {
    const auto expected = tokenizer_->encode_batch(texts, options);
    const auto found = cache_.encode_batch(texts, options, 2);
    ASSERT_EQ(found.size(), expected.size());
    for (size_t k = 0; k < texts.size(); ++k) EXPECT_EQ(*found[k], expected[k]);
  }
  EXPECT_EQ(cache_.statistics().hits, 1);
}

TEST_F(EncodingCacheTest, LongTextsAreNotKept) {
  const std::string text(EncodingCache::kMostTextBytes + 1, 'x');
  EXPECT_EQ(cache_.encode(text)->size(), text.size());
  EXPECT_EQ(cache_.encode_batch(std::vector<std::string_view>{text})[0]->size(), text.size());
  EXPECT_EQ(cache_.statistics().entries, 0);
}

}  // namespace
}  // namespace tidemill
