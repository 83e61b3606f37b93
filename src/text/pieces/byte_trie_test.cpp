#include "text/pieces/byte_trie.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace tidemill {
namespace {

std::vector<ByteTrie::Entry> entries_of(const std::map<std::string, int32_t>& keys) {
  std::vector<ByteTrie::Entry> entries;
  for (const auto& [key, value] : keys) entries.push_back({key, value});
  return entries;
}

TEST(ByteTrie, FindsWholeKeysOnly) {
  const ByteTrie trie({{"ab", 3}, {"abcd", 0}, {"b", 7}});
  EXPECT_EQ(trie.find("ab"), 3);
  EXPECT_EQ(trie.find("abcd"), 0);
  EXPECT_EQ(trie.find("b"), 7);
  for (const std::string_view absent : {"", "a", "abc", "abcde", "ba", "x"}) EXPECT_EQ(trie.find(absent), -1) << absent;
}

TEST(ByteTrie, WalksByteByByte) {
  const ByteTrie trie({{"ab", 1}, {"abc", 2}});
  ByteTrie::Node node = ByteTrie::kRoot;
  ASSERT_TRUE(trie.step(node, 'a'));
  EXPECT_EQ(trie.value(node), -1);
  ASSERT_TRUE(trie.step(node, 'b'));
  EXPECT_EQ(trie.value(node), 1);
  ASSERT_TRUE(trie.step(node, 'c'));
  EXPECT_EQ(trie.value(node), 2);
  EXPECT_FALSE(trie.step(node, 'd'));
}

TEST(ByteTrie, OfEqualKeysTheGreatestValueCounts) {
  EXPECT_EQ(ByteTrie({{"a", 3}, {"b", 2}, {"a", 1}}).find("a"), 3);
}

TEST(ByteTrie, EmptyFindsNothing) {
  const ByteTrie trie;
  for (int byte = 0; byte < 256; ++byte) {
    ByteTrie::Node node = ByteTrie::kRoot;
    EXPECT_FALSE(trie.step(node, static_cast<uint8_t>(byte)));
  }
}

TEST(ByteTrie, TakesAllBytes) {
  std::map<std::string, int32_t> keys;
  for (int a = 0; a < 256; ++a) keys[std::string{static_cast<char>(a)}] = a;
  for (int a = 0; a < 256; ++a) keys[{'\0', static_cast<char>(a), '\xFF'}] = 256 + a;
  const ByteTrie trie(entries_of(keys));
  for (const auto& [key, value] : keys) EXPECT_EQ(trie.find(key), value);
  EXPECT_EQ(trie.find(std::string(2, '\0')), -1);
}

TEST(ByteTrie, AgreesWithAMap) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    const uint32_t n_letters = 1 + random() % 256;
    const auto any_key = [&] {
      std::string key(1 + random() % 6, '\0');
      for (char& c : key) c = static_cast<char>(random() % n_letters);
      return key;
    };
    std::map<std::string, int32_t> keys;
    for (int32_t k = 0; k < 3000; ++k) keys[any_key()] = k;
    const ByteTrie trie(entries_of(keys));
    for (const auto& [key, value] : keys) ASSERT_EQ(trie.find(key), value);
    for (int k = 0; k < 3000; ++k) {
      const std::string key = any_key();
      const auto found = keys.find(key);
      ASSERT_EQ(trie.find(key), found == keys.end() ? -1 : found->second);
    }
  }
}

}  // namespace
}  // namespace tidemill
