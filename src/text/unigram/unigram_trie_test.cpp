#include "text/unigram/unigram_trie.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace tidemill {
namespace {

UnigramTrie make_trie(const std::vector<std::string>& names, const std::vector<double>& scores) {
  std::vector<UnigramTrie::Token> tokens;
  for (size_t id = 0; id < names.size(); ++id) tokens.push_back({names[id], static_cast<int32_t>(id)});
  return UnigramTrie(std::move(tokens), scores, 20);
}

TEST(UnigramTrie, FindsItsTokensAndNoOthers) {
  std::mt19937 random(7);
  const auto random_name = [&] {
    std::string name;
    // A few frequent characters, and many of all sizes that are rare.
    for (size_t n = 1 + random() % 5; n > 0; --n) {
      append_code_point(name, random() % 3 == 0   ? 0x20 + random() % 0x5000
                              : random() % 8 == 0 ? 0x1F600 + random() % 80
                                                  : 'a' + random() % 6);
    }
    return name;
  };
  std::vector<std::string> names;
  std::vector<double> scores;
  std::map<std::string, int32_t> ids;
  for (int32_t id = 0; id < 20'000; ++id) {
    names.push_back(random_name());
    scores.push_back(-0.001 * static_cast<double>(random() % 20'000));
    ids[names.back()] = id;
  }
  const UnigramTrie trie = make_trie(names, scores);
  for (const auto& [name, id] : ids) ASSERT_EQ(trie.find(name), id) << name;
  for (int k = 0; k < 20'000; ++k) {
    const std::string name = random_name();
    const auto found = ids.find(name);
    ASSERT_EQ(trie.find(name), found == ids.end() ? -1 : found->second) << name;
  }
  for (const char* const name : {"", "\xFF", "a\xC3"}) EXPECT_EQ(trie.find(name), -1) << name;
}

TEST(UnigramTrie, APlaceHasTheScoreOfItsToken) {
  const std::vector<double> scores = {-1.5, 0, -19.999, 3.25};
  const UnigramTrie trie = make_trie({"a", "abc", "é", "日本"}, scores);
  const auto score = [&](std::string_view text) {
    UnigramTrie::Node node = UnigramTrie::kRoot;
    UnigramTrie::Place at = trie.root();
    for (size_t pos = 0; pos < text.size();) EXPECT_TRUE(trie.step(node, at, trie.next_code(text, pos)));
    return UnigramTrie::score(at);
  };
  EXPECT_EQ(score("a"), trie.rounded(-1.5));
  EXPECT_EQ(score("ab"), UnigramTrie::kNoToken);
  EXPECT_EQ(score("abc"), 0);
  EXPECT_EQ(score("é"), trie.rounded(-19.999));
  EXPECT_EQ(score("日"), UnigramTrie::kNoToken);
  EXPECT_EQ(score("日本"), trie.rounded(3.25));
  UnigramTrie::Node node = UnigramTrie::kRoot;
  EXPECT_FALSE(trie.step(node, trie.code(U'x')));
  EXPECT_FALSE(trie.step(node, trie.code(U'\U0010FFFF')));
}

// Few slots suit a node with many children where others have some.
TEST(UnigramTrie, IsBuiltQuicklyWhereNodesHaveManyChildren) {
  std::vector<std::string> names;
  for (const std::string begin : {"", "ab", "b", "bab", "c", "cb", "d"}) {
    const char32_t n = begin.size() % 2 == 0 ? 30'000 : 3;
    for (char32_t c = 0; c < n; ++c) append_code_point(names.emplace_back(begin), 0x4000 + c);
  }
  const UnigramTrie trie = make_trie(names, std::vector<double>(names.size()));
  for (size_t id = 0; id < names.size(); ++id) ASSERT_EQ(trie.find(names[id]), static_cast<int32_t>(id));
}

}  // namespace
}  // namespace tidemill
