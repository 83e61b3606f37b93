// Pieces of raw texts cover them, end only where no token reaches across, and leave wholes whole.
#include "text/bpe/joint_cutter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "text/pieces/space_symbol.h"

namespace tidemill {
namespace {

struct Pieces {
  std::vector<std::string> all;
  bool has_space_symbol = false;
};

Pieces pieces_of(const JointCutter& cutter, const std::string& text) {
  Pieces pieces;
  const auto room = std::make_unique<std::array<ByteRange, JointCutter::kRoom>>();
  for (size_t pos = 0; pos < text.size();) {
    const size_t begin = pos;
    const JointCutter::Cut cut = cutter.cut(text, pos, *room);
    EXPECT_FALSE(cut.pieces.empty());
    EXPECT_LE(cut.pieces.size(), PieceBlock::kPieces);
    EXPECT_EQ(cut.pieces.front().begin, begin);
    EXPECT_EQ(cut.pieces.back().end, pos);
    for (const ByteRange piece : cut.pieces) pieces.all.push_back(text.substr(piece.begin, piece.end - piece.begin));
    pieces.has_space_symbol |= cut.has_space_symbol;
  }
  return pieces;
}

// Where the wholes of a text lie, leftmost and longest first.
std::vector<ByteRange> find_wholes(const std::vector<std::string>& wholes, const std::string& text) {
  std::vector<ByteRange> found;
  for (size_t at = 0; at < text.size();) {
    size_t longest = 0;
    for (const std::string& whole : wholes) {
      if (text.compare(at, whole.size(), whole) == 0) longest = std::max(longest, whole.size());
    }
    if (longest > 0) found.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(at + longest)});
    at += std::max<size_t>(longest, 1);
  }
  return found;
}

// The characters on both sides of byte `at`, as the vocabulary spells them.
std::string pair_at(const std::string& text, size_t at) {
  const auto continues = [&](size_t k) { return (text[k] & 0xC0) == 0x80; };
  size_t before = at - 1, behind = at + 1;
  while (continues(before)) --before;
  while (behind < text.size() && continues(behind)) ++behind;
  return escape_spaces(text.substr(before, behind - before));
}

TEST(JointCutter, CutsBetweenAllThatNoTokenJoins) {
  const std::vector<std::string> characters = {"a", "b", "c", "<", "\n", " ", "é", "ш", "中", "国", "😀"};
  std::mt19937 rng(11);
  const auto random_text = [&](size_t n) {
    std::string text;
    for (size_t k = 0; k < n; ++k) text += characters[rng() % characters.size()];
    return text;
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> tokens, wholes;
    for (int k = 0; k < 30; ++k) tokens.push_back(escape_spaces(random_text(2 + rng() % 2)));
    for (int k = 0; k < round % 4; ++k) wholes.push_back(random_text(1 + rng() % 3));
    if (round % 8 == 1) wholes.push_back(std::string(70, 'a'));
    const std::vector<std::string_view> views(tokens.begin(), tokens.end());
    const CharacterJoints joints(TokenStrings(views), CharacterJoints::Ascii::by_token);
    std::vector<RawText::Whole> all;
    for (const std::string& whole : wholes) all.push_back({whole, 1});
    const JointCutter cutter(joints, all);
    std::string text = random_text(rng() % 700);
    if (round % 8 == 1) text += std::string(150 + rng() % 64, 'a') + random_text(rng() % 100);
    const Pieces pieces = pieces_of(cutter, text);
    ASSERT_FALSE(pieces.has_space_symbol);
    // 0: inside a piece, 1: there is a cut.
    std::vector<int> cuts(text.size() + 1);
    size_t end = 0;
    for (const std::string& piece : pieces.all) cuts[end += piece.size()] = 1;
    ASSERT_EQ(end, text.size());
    std::vector<bool> decided(text.size() + 1);
    for (const ByteRange whole : find_wholes(wholes, text)) {
      for (uint32_t at = whole.begin; at <= whole.end; ++at) {
        const bool is_end = at == whole.begin || at == whole.end;
        if (at > 0) {
          ASSERT_EQ(cuts[at], is_end) << round << " at " << at << " of " << text;
        }
        decided[at] = true;
      }
    }
    for (size_t at = 1; at < text.size(); ++at) {
      if (decided[at]) continue;
      const bool is_inside = (text[at] & 0xC0) == 0x80;
      const auto holds_pair = [&](const std::string& token) { return token.find(pair_at(text, at)) != token.npos; };
      const bool joined = is_inside || std::any_of(tokens.begin(), tokens.end(), holds_pair);
      if (joined) {
        ASSERT_EQ(cuts[at], 0) << round << " at " << at << " of " << text;
      } else if (((text[at - 1] | text[at]) & 0x80) == 0) {
        // Of other characters some are taken to be joined that are not.
        ASSERT_EQ(cuts[at], 1) << round << " at " << at << " of " << text;
      }
    }
  }
}

TEST(JointCutter, SeesSpaceSymbols) {
  const CharacterJoints joints(TokenStrings(), CharacterJoints::Ascii::by_token);
  const JointCutter cutter(joints, {});
  for (size_t n : {0, 5, 63, 64, 200}) {
    EXPECT_TRUE(pieces_of(cutter, std::string(n, 'x') + "\u2581 and").has_space_symbol);
    EXPECT_FALSE(pieces_of(cutter, std::string(n, 'x') + "\u2582 and").has_space_symbol);
  }
}

TEST(JointCutter, TakesLongPiecesAndManyShortOnes) {
  const std::vector<std::string_view> tokens = {"aa"};
  const CharacterJoints joints(TokenStrings(tokens), CharacterJoints::Ascii::by_token);
  const JointCutter cutter(joints, {});
  const std::string text = "b" + std::string(5000, 'a') + std::string(1000, 'b');
  const Pieces pieces = pieces_of(cutter, text);
  ASSERT_EQ(pieces.all.size(), 1002u);
  EXPECT_EQ(pieces.all[1].size(), 5000u);
}

}  // namespace
}  // namespace tidemill
