// Cuts between characters that no token joins: no token reaches across, and cutting changes no ids.
#include "text/bpe/character_joints.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "text/bpe/bpe.h"

namespace tidemill {
namespace {

const std::vector<std::string> kCharacters = {"a", "b", " ", "é", "ш", "щ", "中", "国", "语", "の", "😀", "🦀"};

std::string random_text(std::mt19937& rng, size_t n_characters) {
  std::string text;
  for (size_t k = 0; k < n_characters; ++k) text += kCharacters[rng() % kCharacters.size()];
  return text;
}

// Parts of texts, which begin and end anywhere.
std::vector<std::string> random_tokens(std::mt19937& rng, size_t n_tokens) {
  std::vector<std::string> tokens;
  while (tokens.size() < n_tokens) {
    const std::string text = random_text(rng, 4);
    const std::string token = text.substr(rng() % 4, 2 + rng() % 6);
    const bool is_new = std::find(tokens.begin(), tokens.end(), token) == tokens.end();
    if (is_new && token.size() > 1) tokens.push_back(token);
  }
  return tokens;
}

bool is_crossed(const std::vector<std::string>& tokens, const std::string& text, size_t cut) {
  for (const std::string& token : tokens) {
    for (size_t before = 1; before < token.size() && before <= cut; ++before) {
      if (text.compare(cut - before, token.size(), token) == 0) return true;
    }
  }
  return false;
}

TEST(CharacterJoints, CutsWhereNoTokenReachesAcross) {
  std::mt19937 rng(7);
  size_t n_cuts = 0;
  for (int round = 0; round < 200; ++round) {
    const std::vector<std::string> tokens = random_tokens(rng, 12);
    const std::vector<std::string_view> views(tokens.begin(), tokens.end());
    const auto ascii = round % 2 == 0 ? CharacterJoints::Ascii::joined : CharacterJoints::Ascii::by_token;
    const CharacterJoints joints(TokenStrings(views), ascii);
    const std::string text = random_text(rng, 60);
    for (size_t pos = 0; (pos = joints.next_cut(text, pos, text.size())) < text.size(); ++n_cuts) {
      ASSERT_NE(static_cast<uint8_t>(text[pos]) & 0xC0, 0x80);
      ASSERT_FALSE(is_crossed(tokens, text, pos));
      if (ascii == CharacterJoints::Ascii::joined) {
        ASSERT_GE(std::max(static_cast<uint8_t>(text[pos - 1]), static_cast<uint8_t>(text[pos])), 0x80);
      }
    }
  }
  EXPECT_GT(n_cuts, 1000u);
}

// Of whole characters, joints are found 64 bytes at a time; one token that is no UTF-8 has them found one by one.
TEST(CharacterJoints, AreTheSameInWindowsAndOneByOne) {
  std::vector<std::string> characters = kCharacters;
  characters.emplace_back("▁");
  characters.emplace_back("▂");
  const auto random = [&](std::mt19937& rng, size_t n) {
    std::string text;
    for (size_t k = 0; k < n; ++k) text += characters[rng() % characters.size()];
    return text;
  };
  std::mt19937 rng(9);
  size_t n_cuts = 0;
  for (int round = 0; round < 100; ++round) {
    std::vector<std::string> tokens;
    for (int k = 0; k < 40; ++k) tokens.push_back(random(rng, 1 + rng() % (k == 0 ? 60 : 3)));
    const std::vector<std::string_view> views(tokens.begin(), tokens.end());
    std::vector<std::string_view> odd = views;
    odd.emplace_back("\xFF");
    const CharacterJoints joints(TokenStrings(views), CharacterJoints::Ascii::by_token);
    const CharacterJoints one_by_one(TokenStrings(odd), CharacterJoints::Ascii::by_token);
    ASSERT_EQ(joints.joins_spaces(), one_by_one.joins_spaces());
    for (int byte = 0; byte < 256; ++byte) {
      const auto c = static_cast<char>(byte);
      const auto joins = [&](const std::string& token) { return token.find(c + std::string("▁")) != token.npos; };
      ASSERT_EQ(joints.joins_space(c), std::any_of(tokens.begin(), tokens.end(), joins)) << byte;
      ASSERT_EQ(joints.joins_space(c), one_by_one.joins_space(c)) << byte;
    }
    const std::string text = random(rng, 60);
    for (size_t pos = 0, cut; pos < text.size(); pos = cut, ++n_cuts) {
      cut = joints.next_cut(text, pos, text.size());
      ASSERT_EQ(cut, one_by_one.next_cut(text, pos, text.size()));
      ASSERT_TRUE(cut == text.size() || !is_crossed(tokens, text, cut));
    }
  }
  EXPECT_GT(n_cuts, 1000u);
}

// Byte-level BPE by the book: the pair of the lowest rank, leftmost first, again and again.
std::vector<int32_t> merged(const std::vector<std::string>& tokens, std::string_view piece) {
  std::map<std::string, int32_t> ids;
  for (size_t id = 0; id < tokens.size(); ++id) ids[tokens[id]] = static_cast<int32_t>(id);
  std::vector<std::string> symbols;
  for (const char byte : piece) symbols.emplace_back(1, byte);
  while (true) {
    int32_t lowest = static_cast<int32_t>(tokens.size());
    size_t where = 0;
    for (size_t k = 0; k + 1 < symbols.size(); ++k) {
      const auto found = ids.find(symbols[k] + symbols[k + 1]);
      if (found == ids.end() || found->second >= lowest) continue;
      lowest = found->second;
      where = k;
    }
    if (lowest == static_cast<int32_t>(tokens.size())) break;
    symbols[where] = tokens[static_cast<size_t>(lowest)];
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(where) + 1);
  }
  std::vector<int32_t> result;
  for (const std::string& symbol : symbols) result.push_back(ids.at(symbol));
  return result;
}

TEST(CharacterJoints, DoNotChangeIds) {
  std::mt19937 rng(8);
  for (int round = 0; round < 30; ++round) {
    std::vector<std::string> tokens;
    for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
    // In one round of two some tokens cannot be made by merging.
    for (std::string& token : random_tokens(rng, 60)) {
      if (round % 2 == 0 && merged(tokens, token).size() > 2) continue;
      tokens.push_back(std::move(token));
    }
    const std::vector<std::string_view> names(tokens.begin(), tokens.end());
    const bool whole_pieces = round % 3 != 0;
    const auto model = make_bpe(
        {.names = names, .order = BpeVocab::Order::ids, .byte_symbols = true, .whole_pieces = whole_pieces}, "test");
    const auto scratch = model->make_scratch();
    if (round % 5 == 0) scratch->limit_cache(0);
    std::string text;
    std::vector<ByteRange> pieces;
    std::vector<int32_t> expected;
    for (int k = 0; k < 40; ++k) {
      // Some pieces come again, some are longer than a block of parts.
      const std::string piece =
          k % 4 == 3 ? text.substr(pieces[0].begin, pieces[0].end) : random_text(rng, k == 5 ? 400 : 1 + rng() % 40);
      pieces.push_back({static_cast<uint32_t>(text.size()), static_cast<uint32_t>(text.size() + piece.size())});
      text += piece;
      const auto whole = std::find(tokens.begin(), tokens.end(), piece);
      if (whole_pieces && whole != tokens.end()) {
        expected.push_back(static_cast<int32_t>(whole - tokens.begin()));
      } else {
        for (const int32_t id : merged(tokens, piece)) expected.push_back(id);
      }
    }
    for (int pass = 0; pass < 2; ++pass) {
      std::vector<int32_t> ids;
      model->encode(text, pieces, *scratch, {ids});
      ASSERT_EQ(ids, expected) << round;
    }
  }
}

}  // namespace
}  // namespace tidemill
