#include "text/training/word_lattice.h"

#include <algorithm>
#include <cmath>

namespace tidemill {
namespace {

constexpr double kNothing = -std::numeric_limits<double>::infinity();

// log(exp(x) + exp(y)); `x` may be kNothing.
double log_sum_exp(double x, double y) {
  const double low = std::min(x, y), high = std::max(x, y);
  constexpr double kNegligible = 50.0;
  return high > low + kNegligible ? high : high + std::log(std::exp(low - high) + 1.0);
}

}  // namespace

void WordLattice::build(std::span<const uint32_t> word, const PieceScores& pieces) {
  size_ = static_cast<uint32_t>(word.size());
  nodes_.clear();
  first_node_.clear();
  nodes_.push_back({.score = 0, .piece = kNone, .begin = 0, .end = 0});
  for (uint32_t begin = 0; begin < size_; ++begin) {
    first_node_.push_back(static_cast<uint32_t>(nodes_.size()));
    bool has_letter = false;
    LetterTrie::Node node = LetterTrie::kRoot;
    for (uint32_t end = begin; end < size_ && pieces.trie.step(node, word[end]);) {
      ++end;
      const uint32_t piece = pieces.trie.value(node);
      if (piece == LetterTrie::kNone) continue;
      nodes_.push_back({.score = pieces.scores[piece], .piece = piece, .begin = begin, .end = end});
      has_letter |= end == begin + 1;
    }
    if (!has_letter) nodes_.push_back({.score = pieces.unknown_score, .piece = 0, .begin = begin, .end = begin + 1});
  }
  first_node_.push_back(static_cast<uint32_t>(nodes_.size()));
  nodes_.push_back({.score = 0, .piece = kNone, .begin = size_, .end = size_});
  first_node_.push_back(static_cast<uint32_t>(nodes_.size()));
}

void WordLattice::add_expected(double count, std::span<double> expected) {
  before_.assign(size_ + 1, kNothing);
  before_[0] = 0;
  for (size_t k = 1; k + 1 < nodes_.size(); ++k) {
    const Node& node = nodes_[k];
    before_[node.end] = log_sum_exp(before_[node.end], node.score + before_[node.begin]);
  }
  after_.assign(size_ + 1, kNothing);
  after_[size_] = 0;
  for (uint32_t pos = size_; pos-- > 0;) {
    for (uint32_t k = first_node_[pos]; k < first_node_[pos + 1]; ++k) {
      after_[pos] = log_sum_exp(after_[pos], nodes_[k].score + after_[nodes_[k].end]);
    }
  }
  const double all = before_[size_];
  for (size_t k = 1; k + 1 < nodes_.size(); ++k) {
    const Node& node = nodes_[k];
    expected[node.piece] += count * std::exp(before_[node.begin] + node.score + after_[node.end] - all);
  }
}

// Of equally good ways to a node the one whose last piece begins first.
void WordLattice::find_best() {
  first_end_.assign(size_ + 1, kNone);
  last_.assign(size_ + 1, kNone);
  first_end_[0] = last_[0] = kStart;
  best_.assign(nodes_.size(), {});
  for (uint32_t k = 1; k < nodes_.size(); ++k) {
    const Node& node = nodes_[k];
    Best& best = best_[k];
    const uint32_t first = first_end_[node.begin];
    for (uint32_t l = first; l != kNone; l = best_[l].next_of_end) {
      const double score = best_[l].score + node.score;
      if (l == first || score > best.score) {
        best.score = score;
        best.previous = l;
      }
    }
    if (k + 1 == nodes_.size()) break;  // the stop ends nowhere
    (first_end_[node.end] == kNone ? first_end_[node.end] : best_[last_[node.end]].next_of_end) = k;
    last_[node.end] = k;
  }
}

std::span<const uint32_t> WordLattice::best() {
  find_best();
  path_.clear();
  for (uint32_t k = best_.back().previous; k != kStart; k = best_[k].previous) {
    path_.push_back(nodes_[k].piece);
  }
  std::reverse(path_.begin(), path_.end());
  return path_;
}

// A* from the end; the best ways to every node, known already, say exactly what a hypothesis can still become.
WordLattice::TwoBest WordLattice::two_best() {
  find_best();
  hypotheses_.clear();
  agenda_.clear();
  push({static_cast<uint32_t>(nodes_.size() - 1), kNone, 0, 0});
  TwoBest result;
  bool has_first = false;
  while (!agenda_.empty()) {
    const uint32_t top = pop();
    const Hypothesis chosen = hypotheses_[top];
    if (chosen.node != kStart) {
      for (uint32_t l = first_end_[nodes_[chosen.node].begin]; l != kNone; l = best_[l].next_of_end) {
        push({l, top, best_[l].score + chosen.from_here, nodes_[l].score + chosen.from_here});
      }
      continue;
    }
    path_.clear();
    for (uint32_t k = chosen.next; hypotheses_[k].next != kNone; k = hypotheses_[k].next) {
      path_.push_back(nodes_[hypotheses_[k].node].piece);
    }
    if (has_first) {
      result.second = path_;
      result.has_second = true;
      return result;
    }
    result.n_first = path_.size();
    has_first = true;
  }
  return result;
}

void WordLattice::push(const Hypothesis& hypothesis) {
  agenda_.push_back(static_cast<uint32_t>(hypotheses_.size()));
  hypotheses_.push_back(hypothesis);
  sift_up(agenda_.size() - 1);
}

// Which of several equally good hypotheses comes first depends on how the heap moves them: this is the heap of the
// reference, whose comparison finds no two equal.
uint32_t WordLattice::pop() {
  uint32_t last = agenda_.back();
  agenda_.pop_back();
  if (agenda_.empty()) return last;
  std::swap(last, agenda_[0]);
  const uint32_t moved = agenda_[0];
  const size_t end = agenda_.size();
  size_t pos = 0;
  for (size_t child = 1; child < end; child = 4 * pos + 1) {
    size_t next = child;
    if (child + 4 <= end) {
      next = greater(greater(child, child + 1), greater(child + 2, child + 3));
    } else {
      for (size_t k = child + 1; k < end; ++k) next = greater(next, k);
    }
    agenda_[pos] = agenda_[next];
    pos = next;
  }
  agenda_[pos] = moved;
  sift_up(pos);
  return last;
}

void WordLattice::sift_up(size_t pos) {
  const uint32_t moved = agenda_[pos];
  while (pos > 0 && !less(moved, agenda_[(pos - 1) / 4])) {
    agenda_[pos] = agenda_[(pos - 1) / 4];
    pos = (pos - 1) / 4;
  }
  agenda_[pos] = moved;
}

size_t WordLattice::greater(size_t a, size_t b) const {
  return less(agenda_[a], agenda_[b]) ? b : a;
}

}  // namespace tidemill
