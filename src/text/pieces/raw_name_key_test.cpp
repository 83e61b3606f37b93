// Keys of tokens as raw texts spell them.
#include "text/pieces/raw_name_key.h"

#include <gtest/gtest.h>

#include <string>

namespace tidemill {
namespace {

TEST(RawNameKey, HasSpacesForU2581) {
  EXPECT_EQ(raw_name_key("▁the"), piece_key(" the"));
  EXPECT_EQ(raw_name_key("the"), piece_key("the"));
  EXPECT_EQ(raw_name_key("▁▁a▁▂b▁"), piece_key("  a ▂b "));
  EXPECT_EQ(raw_name_key("”▁“"), piece_key("” “"));
  EXPECT_TRUE(raw_name_key("").empty());
  EXPECT_TRUE(raw_name_key("a b").empty());
}

TEST(RawNameKey, IsEmptyForWhatIsTooLong) {
  std::string name;
  for (int n = 0; n < 15; ++n) name += "▁";
  EXPECT_EQ(raw_name_key(name), piece_key(std::string(15, ' ')));
  EXPECT_TRUE(raw_name_key(name + "▁").empty());
  EXPECT_TRUE(raw_name_key(name + "a").empty());
  EXPECT_EQ(raw_name_key("▁" + std::string(14, 'a')), piece_key(" " + std::string(14, 'a')));
  EXPECT_TRUE(raw_name_key("▁" + std::string(15, 'a')).empty());
  EXPECT_TRUE(raw_name_key("▁" + std::string(14, 'a') + "▂").empty());
}

}  // namespace
}  // namespace tidemill
