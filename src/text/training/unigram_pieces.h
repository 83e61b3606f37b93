// The pieces of a Unigram model in training, and what it says about words: the expensive part, done in parallel.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "text/training/seed_pieces.h"
#include "text/training/training_tools.h"
#include "text/training/word_lattice.h"
#include "text/training/word_letters.h"

namespace tidemill {

// Piece 0 is the unknown one and stays; the others only ever become fewer.  Sums are made over fixed parts of the words
// and then in the order of the parts, so that they do not depend on the threads.  Refers to its words and to `run`.
class UnigramPieces {
 public:
  UnigramPieces(const WordLetters& words, std::vector<SeedPiece> seeds, const RunParts& run);

  size_t size() const { return seed_of_.size(); }
  std::u32string text(size_t piece) const;  // not of piece 0
  double score(size_t piece) const { return pieces_.scores[piece]; }
  double lowest_score() const { return lowest_score_; }  // of the pieces but piece 0; 0 when there are none

  struct Kept {
    size_t piece;
    double score;  // its new one
  };
  // These and piece 0 remain, in this order.
  void keep(std::span<const Kept> pieces);

  // By piece: how often it occurs in the words, over all ways to cut them by their probability.
  std::vector<double> expected_counts() const;
  // By piece: how often it occurs when every word is cut in the most probable way.
  std::vector<double> best_counts() const;

  // What would stand for a piece that is taken away.
  struct Alternative {
    bool keep = false;             // there is no better way to cut this piece than itself
    std::vector<uint32_t> pieces;  // the second best way then; none when there is no other
  };
  // By piece.
  std::vector<Alternative> alternatives() const;

 private:
  using Visit = void (*)(WordLattice& lattice, double count, std::span<double> sums);
  std::vector<double> sum_over_words(Visit visit) const;
  std::span<const uint32_t> letters(size_t seed) const;

  const WordLetters& words_;
  std::vector<SeedPiece> seeds_;
  std::vector<uint32_t> sorted_seeds_;  // by their letters
  std::vector<uint32_t> seed_of_;       // by piece
  PieceScores pieces_;
  double lowest_score_ = 0;
  const RunParts& run_;
};

}  // namespace tidemill
