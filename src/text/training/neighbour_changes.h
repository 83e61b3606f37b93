// What one merge changes: the pairs on both sides of the merged tokens that become more or less frequent, and in which
// words new ones arose.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "text/training/pair_counts.h"

namespace tidemill {

// Pairs of a merge all have one of three tokens on one side, so that the token on the other side tells them apart: an
// array by token replaces a look-up per occurrence in the table of all pairs.
class NeighbourChanges {
 public:
  enum Side : uint8_t { left, right };  // of the merged pair, where the neighbour stands

  struct Change {
    uint32_t neighbour;
    Side side;
    uint32_t n_words = 0;    // where the new pair arose
    uint32_t last_word = 0;  // the one of them that came last; only when n_words > 0
    int64_t lost = 0;        // pairs of the neighbour and the merged pair's token next to it
    int64_t gained = 0;      // pairs of the neighbour and the new token
    uint64_t words_end = 0;  // in the list that append_words made
  };

  // `merged`: the id of the new token.
  void begin(uint32_t merged) {
    merged_ = merged;
    for (const Change& change : changes_) place(change.side, change.neighbour) = kNone;
    changes_.clear();
    arisen_.clear();
  }

  void lose(Side side, uint32_t neighbour, int64_t count) { change_of(side, neighbour).lost += count; }
  // Words come one after another.
  void gain(Side side, uint32_t neighbour, int64_t count, uint32_t word) {
    // Two new tokens next to each other are one pair, whichever side it is seen from.
    Change& change = change_of(neighbour == merged_ ? left : side, neighbour);
    change.gained += count;
    if (change.n_words > 0 && change.last_word == word) return;
    ++change.n_words;
    change.last_word = word;
    arisen_.push_back({static_cast<uint32_t>(&change - changes_.data()), word});
  }

  // Appends the words of every change to `list`, those of one change together and in the order they were told.
  void append_words(std::vector<uint32_t>& list) {
    uint64_t end = list.size();
    for (Change& change : changes_) {
      change.words_end = end;
      end += change.n_words;
    }
    list.resize(end);
    for (const Arisen& arisen : arisen_) list[changes_[arisen.change].words_end++] = arisen.word;
  }

  const std::vector<Change>& changes() const { return changes_; }

 private:
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
  struct Arisen {
    uint32_t change;
    uint32_t word;
  };

  uint32_t& place(Side side, uint32_t neighbour) {
    std::vector<uint32_t>& places = places_[side];
    if (neighbour >= places.size()) places.resize(neighbour + neighbour / 2 + 256, kNone);
    return places[neighbour];
  }

  Change& change_of(Side side, uint32_t neighbour) {
    uint32_t& index = place(side, neighbour);
    if (index == kNone) {
      index = static_cast<uint32_t>(changes_.size());
      changes_.push_back({.neighbour = neighbour, .side = side});
    }
    return changes_[index];
  }

  uint32_t merged_ = kNone;
  std::array<std::vector<uint32_t>, 2> places_;  // by neighbour: which of changes_ is its
  std::vector<Change> changes_;
  std::vector<Arisen> arisen_;
};

}  // namespace tidemill
