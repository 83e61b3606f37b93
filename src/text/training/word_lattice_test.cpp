#include "text/training/word_lattice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

namespace tidemill {
namespace {

using Key = std::vector<uint32_t>;

// Piece k + 1 has the k-th key; keys are ascending.
PieceScores pieces_of(const std::map<Key, double>& keys) {
  std::vector<LetterTrie::Entry> entries;
  std::vector<double> scores{0};
  for (const auto& [key, score] : keys) {
    entries.push_back({key, static_cast<uint32_t>(scores.size())});
    scores.push_back(score);
  }
  return {LetterTrie(entries, 8), scores, -30};
}

struct Way {
  double score = 0;
  std::vector<uint32_t> pieces;
};

// All ways to cut word[begin, end).
std::vector<Way> all_ways(const Key& word, const std::map<Key, double>& keys, size_t begin = 0) {
  if (begin == word.size()) return {{}};
  std::vector<Way> ways;
  const auto go_on = [&](size_t length, uint32_t piece, double score) {
    for (Way& rest : all_ways(word, keys, begin + length)) {
      rest.score += score;
      rest.pieces.insert(rest.pieces.begin(), piece);
      ways.push_back(std::move(rest));
    }
  };
  for (size_t length = 1; begin + length <= word.size(); ++length) {
    const auto found = keys.find(
        Key(word.begin() + static_cast<ptrdiff_t>(begin), word.begin() + static_cast<ptrdiff_t>(begin + length)));
    if (found != keys.end()) {
      go_on(length, static_cast<uint32_t>(std::distance(keys.begin(), found)) + 1, found->second);
    } else if (length == 1) {
      go_on(1, 0, -30);
    }
  }
  return ways;
}

struct RandomCase {
  explicit RandomCase(uint32_t seed) : random(seed) {
    for (int k = 0; k < 25; ++k) keys[some_letters(1 + random() % 3)] = -static_cast<double>(random() % 10000) / 1000;
    word = some_letters(1 + random() % 9);
  }
  Key some_letters(size_t n) {
    Key letters;
    while (letters.size() < n) letters.push_back(1 + random() % 4);
    return letters;
  }

  std::mt19937 random;
  std::map<Key, double> keys;
  Key word;
};

TEST(WordLattice, ExpectedCountsAreThoseOfAllWays) {
  WordLattice lattice;
  for (uint32_t seed = 0; seed < 200; ++seed) {
    const RandomCase c(seed);
    const PieceScores pieces = pieces_of(c.keys);
    std::vector<double> expected(pieces.scores.size(), 0), found = expected;
    double sum = 0;
    for (const Way& way : all_ways(c.word, c.keys)) {
      sum += std::exp(way.score);
      for (const uint32_t piece : way.pieces) expected[piece] += 3 * std::exp(way.score);
    }
    lattice.build(c.word, pieces);
    lattice.add_expected(3, found);
    for (size_t piece = 0; piece < found.size(); ++piece) EXPECT_NEAR(found[piece], expected[piece] / sum, 1e-9);
  }
}

TEST(WordLattice, TheBestAndTheSecondBestWay) {
  WordLattice lattice;
  for (uint32_t seed = 0; seed < 200; ++seed) {
    const RandomCase c(seed);
    std::vector<Way> ways = all_ways(c.word, c.keys);
    std::sort(ways.begin(), ways.end(), [](const Way& a, const Way& b) { return a.score > b.score; });
    if (ways.size() > 1 && ways[0].score - ways[1].score < 1e-9) continue;
    if (ways.size() > 2 && ways[1].score - ways[2].score < 1e-9) continue;
    lattice.build(c.word, pieces_of(c.keys));
    const auto best = lattice.best();
    EXPECT_EQ(std::vector<uint32_t>(best.begin(), best.end()), ways[0].pieces);
    const WordLattice::TwoBest two = lattice.two_best();
    EXPECT_EQ(two.n_first, ways[0].pieces.size());
    EXPECT_EQ(two.has_second, ways.size() > 1);
    EXPECT_EQ(two.second, two.has_second ? ways[1].pieces : std::vector<uint32_t>());
  }
}

TEST(WordLattice, OfEqualWaysTheOneWhoseLastPieceBeginsFirst) {
  const std::map<Key, double> keys{{{1}, -2}, {{1, 1}, -4}, {{1, 1, 1}, -6}};
  WordLattice lattice;
  const PieceScores pieces = pieces_of(keys);
  const Key word{1, 1, 1};
  lattice.build(word, pieces);
  const auto best = lattice.best();
  EXPECT_EQ(std::vector<uint32_t>(best.begin(), best.end()), (std::vector<uint32_t>{3}));
}

TEST(WordLattice, AnUnknownLetterIsPieceZero) {
  const PieceScores pieces = pieces_of({{{1}, -1}, {{2, 3}, -1}});
  WordLattice lattice;
  const Key word{1, 2, 1};
  lattice.build(word, pieces);
  EXPECT_EQ(std::vector<uint32_t>(lattice.best().begin(), lattice.best().end()), (std::vector<uint32_t>{1, 0, 1}));
  EXPECT_FALSE(lattice.two_best().has_second);
}

// Ways by the thousand digits below what a double holds: sums are of logarithms.
TEST(WordLattice, ALongWord) {
  const PieceScores pieces = pieces_of({{{1}, -5}, {{1, 1}, -6}});
  WordLattice lattice;
  const Key word(20'000, 1);
  lattice.build(word, pieces);
  std::vector<double> expected(3, 0);
  lattice.add_expected(1, expected);
  EXPECT_NEAR(expected[1] + 2 * expected[2], 20'000, 1e-2);
}

}  // namespace
}  // namespace tidemill
