// All ways to cut a word into pieces, and what Unigram training asks about them.  Kudo 2018, arXiv:1804.10959.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "text/training/letter_trie.h"

namespace tidemill {

// The pieces as a lattice sees them: numbers with scores.  Piece 0 is the unknown one, for a letter that is no piece.
struct PieceScores {
  LetterTrie trie;             // its values are pieces
  std::vector<double> scores;  // by piece; logarithms of probabilities
  double unknown_score;
};

// Used by one thread at a time, for one word after another; buffers are reused.  Sums are made in the order of Hugging
// Face's tokenizers, so that they come out equal to the last bit.
class WordLattice {
 public:
  void build(std::span<const uint32_t> word, const PieceScores& pieces);

  // Adds to `expected`, by piece, how often it occurs in a random way to cut `count` of these words.
  void add_expected(double count, std::span<double> expected);

  // The pieces of the most probable way.
  std::span<const uint32_t> best();

  // The two most probable ways.
  struct TwoBest {
    size_t n_first = 0;            // pieces of the first
    bool has_second = false;       // false: there is but one way
    std::vector<uint32_t> second;  // its pieces
  };
  TwoBest two_best();

 private:
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
  static constexpr uint32_t kStart = 0;  // the first node; the last one is the stop

  struct Node {
    double score;
    uint32_t piece;
    uint32_t begin, end;  // letters
  };
  // What find_best() knows about a node.
  struct Best {
    double score = 0;              // of the best way to here, itself included
    uint32_t previous = kNone;     // on that way
    uint32_t next_of_end = kNone;  // the next node that ends where this one does
  };
  struct Hypothesis {
    uint32_t node;
    uint32_t next;  // hypothesis; kNone for the first one
    double total;   // of the best way through it
    double from_here;
  };

  void find_best();
  void push(const Hypothesis& hypothesis);
  uint32_t pop();
  void sift_up(size_t pos);
  size_t greater(size_t a, size_t b) const;
  bool less(uint32_t a, uint32_t b) const { return hypotheses_[a].total < hypotheses_[b].total; }

  uint32_t size_ = 0;
  std::vector<Node> nodes_;                 // by where they begin; then the shorter first, an unknown one last
  std::vector<uint32_t> first_node_;        // by place; and where those of the last place end
  std::vector<Best> best_;                  // by node
  std::vector<uint32_t> first_end_, last_;  // by place: nodes that end there
  std::vector<double> before_, after_;      // by place: all ways to there and from there
  std::vector<uint32_t> path_;
  std::vector<Hypothesis> hypotheses_;
  std::vector<uint32_t> agenda_;  // a heap with four children each
};

}  // namespace tidemill
