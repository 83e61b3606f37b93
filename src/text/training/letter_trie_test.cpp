#include "text/training/letter_trie.h"

#include <gtest/gtest.h>

namespace tidemill {
namespace {

using Key = std::vector<uint32_t>;

LetterTrie trie_of(const std::vector<Key>& keys, uint32_t n_letters) {
  std::vector<LetterTrie::Entry> entries;
  for (const Key& key : keys) entries.push_back({key, static_cast<uint32_t>(entries.size())});
  return LetterTrie(entries, n_letters);
}

uint32_t find(const LetterTrie& trie, const Key& key) {
  LetterTrie::Node node = LetterTrie::kRoot;
  for (const uint32_t letter : key) {
    if (!trie.step(node, letter)) return LetterTrie::kNone;
  }
  return trie.value(node);
}

TEST(LetterTrie, FindsItsKeysAndNoOthers) {
  const std::vector<Key> keys{{1}, {1, 2, 3}, {1, 2, 4}, {2, 1}, {4}};
  const LetterTrie trie = trie_of(keys, 5);
  for (uint32_t k = 0; k < keys.size(); ++k) EXPECT_EQ(find(trie, keys[k]), k);
  for (const Key& other : {Key{1, 2}, Key{2}, Key{3}, Key{0}, Key{1, 1}, Key{1, 2, 3, 4}, Key{2, 1, 1}, Key{4, 4}}) {
    EXPECT_EQ(find(trie, other), LetterTrie::kNone);
  }
}

TEST(LetterTrie, AFailedStepStaysWhereItIs) {
  const LetterTrie trie = trie_of({{1, 2}}, 3);
  LetterTrie::Node node = LetterTrie::kRoot;
  EXPECT_FALSE(trie.step(node, 2));
  EXPECT_TRUE(trie.step(node, 1));
  EXPECT_FALSE(trie.step(node, 1));
  EXPECT_TRUE(trie.step(node, 2));
  EXPECT_EQ(trie.value(node), 0u);
}

TEST(LetterTrie, ManyChildren) {
  for (const uint32_t n_children : {1u, 7u, 8u, 9u, 16u, 17u, 100u, 1000u}) {
    std::vector<Key> keys;
    for (uint32_t k = 0; k < n_children; ++k) keys.push_back({5, 3 * k + 1});
    const LetterTrie trie = trie_of(keys, 3 * n_children + 7);
    for (uint32_t letter = 0; letter < 3 * n_children + 6; ++letter) {
      const bool is_there = letter % 3 == 1 && letter / 3 < n_children;
      EXPECT_EQ(find(trie, {5, letter}), is_there ? letter / 3 : LetterTrie::kNone) << n_children << " " << letter;
    }
  }
}

TEST(LetterTrie, Empty) {
  const LetterTrie trie = trie_of({}, 3);
  EXPECT_EQ(find(trie, {0}), LetterTrie::kNone);
  EXPECT_EQ(find(trie, {2}), LetterTrie::kNone);
}

}  // namespace
}  // namespace tidemill
