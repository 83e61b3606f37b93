#include "text/training/unigram_pieces.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace tidemill {
namespace {

constexpr size_t kParts = 16;           // of the work; each has sums of its own
constexpr double kUnknownPenalty = 10;  // below the lowest score

// The words of a part: parts have about equally many letters.
std::pair<size_t, size_t> words_of_part(const WordLetters& words, size_t part) {
  const auto begin_of = [&](size_t k) {
    const size_t letter = words.letters.size() * k / kParts;
    const auto first = std::partition_point(words.words.begin(), words.words.end(),
                                            [&](const WordLetters::Word& word) { return word.begin < letter; });
    return static_cast<size_t>(first - words.words.begin());
  };
  return {begin_of(part), begin_of(part + 1)};
}

}  // namespace

UnigramPieces::UnigramPieces(const WordLetters& words, std::vector<SeedPiece> seeds, const RunParts& run)
    : words_(words),
      seeds_(std::move(seeds)),
      sorted_seeds_(seeds_.size()),
      pieces_{LetterTrie({}, 0), {}, 0},
      run_(run) {
  std::iota(sorted_seeds_.begin(), sorted_seeds_.end(), 0u);
  std::sort(sorted_seeds_.begin(), sorted_seeds_.end(), [&](uint32_t a, uint32_t b) {
    const auto first = letters(a), second = letters(b);
    return std::lexicographical_compare(first.begin(), first.end(), second.begin(), second.end());
  });
  seed_of_.resize(seeds_.size() + 1);
  std::iota(seed_of_.begin() + 1, seed_of_.end(), 0u);
  std::vector<Kept> all;
  for (size_t piece = 1; piece < seed_of_.size(); ++piece) all.push_back({piece, seeds_[piece - 1].score});
  keep(all);
}

std::span<const uint32_t> UnigramPieces::letters(size_t seed) const {
  return std::span(words_.letters).subspan(seeds_[seed].begin, seeds_[seed].length);
}

std::u32string UnigramPieces::text(size_t piece) const {
  std::u32string text;
  for (const uint32_t letter : letters(seed_of_[piece])) text += words_.alphabet[letter];
  return text;
}

void UnigramPieces::keep(std::span<const Kept> pieces) {
  std::vector<uint32_t> seed_of{0};
  std::vector<uint32_t> piece_of(seeds_.size(), LetterTrie::kNone);
  pieces_.scores.assign(1, 0);
  lowest_score_ = pieces.empty() ? 0 : std::numeric_limits<double>::infinity();
  for (const Kept& kept : pieces) {
    const uint32_t seed = seed_of_[kept.piece];
    piece_of[seed] = static_cast<uint32_t>(seed_of.size());
    seed_of.push_back(seed);
    pieces_.scores.push_back(kept.score);
    lowest_score_ = std::min(lowest_score_, kept.score);
  }
  seed_of_ = std::move(seed_of);
  pieces_.unknown_score = lowest_score_ - kUnknownPenalty;
  std::erase_if(sorted_seeds_, [&](uint32_t seed) { return piece_of[seed] == LetterTrie::kNone; });
  std::vector<LetterTrie::Entry> entries;
  for (const uint32_t seed : sorted_seeds_) entries.push_back({letters(seed), piece_of[seed]});
  pieces_.trie = LetterTrie(entries, static_cast<uint32_t>(words_.alphabet.size()));
}

std::vector<double> UnigramPieces::sum_over_words(Visit visit) const {
  std::vector<std::vector<double>> sums(kParts);
  run_(kParts, [&](size_t part) {
    sums[part].assign(size(), 0);
    WordLattice lattice;
    const auto [begin, end] = words_of_part(words_, part);
    for (size_t k = begin; k < end; ++k) {
      lattice.build(words_.of(words_.words[k]), pieces_);
      visit(lattice, static_cast<double>(words_.words[k].count), sums[part]);
    }
  });
  for (size_t part = 1; part < kParts; ++part) {
    for (size_t piece = 0; piece < size(); ++piece) sums[0][piece] += sums[part][piece];
  }
  return std::move(sums[0]);
}

std::vector<double> UnigramPieces::expected_counts() const {
  return sum_over_words(
      [](WordLattice& lattice, double count, std::span<double> expected) { lattice.add_expected(count, expected); });
}

std::vector<double> UnigramPieces::best_counts() const {
  return sum_over_words([](WordLattice& lattice, double count, std::span<double> counts) {
    for (const uint32_t piece : lattice.best()) counts[piece] += count;
  });
}

std::vector<UnigramPieces::Alternative> UnigramPieces::alternatives() const {
  std::vector<Alternative> alternatives(size());
  run_(kParts, [&](size_t part) {
    WordLattice lattice;
    const size_t end = size() * (part + 1) / kParts;
    for (size_t piece = std::max<size_t>(size() * part / kParts, 1); piece < end; ++piece) {
      lattice.build(letters(seed_of_[piece]), pieces_);
      WordLattice::TwoBest ways = lattice.two_best();
      alternatives[piece].keep = !ways.has_second || ways.n_first == 1;
      if (ways.has_second && ways.n_first == 1) alternatives[piece].pieces = std::move(ways.second);
    }
  });
  return alternatives;
}

}  // namespace tidemill
