// Automaton: runs a program byte by byte.
//
// A state is the set of places in the program, each with its stack, where a text may stand; states are made when they
// are first reached and numbered, so that what was computed once is a look-up from then on.  A state has a future: from
// each one some text leads to the end, for the compiler left out what has none.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "grammar/program.h"
#include "grammar/stacks.h"

namespace tidemill::grammar {

// Not for several threads.
class Automaton {
 public:
  using State = uint32_t;
  static constexpr State kDead = 0;  // no text that begins so is in the grammar

  // Throws GrammarError when even the first state is too ambiguous.
  explicit Automaton(Program program);

  State start() const { return start_; }
  // Throws GrammarError when a text may stand at more than 4,096 places at once, or when finding out takes more than
  // the work that `allow_work` granted.
  State next(State state, uint8_t byte) { return next_by_class(state, program_.byte_class[byte]); }
  State next_by_class(State state, uint8_t byte_class) {
    const State known = transitions_[state * n_classes_ + byte_class];
    return known != kUnknown ? known : compute_next(state, byte_class);
  }
  uint8_t class_of(uint8_t byte) const { return program_.byte_class[byte]; }

  bool accepts(State state) const { return states_[state].accepts; }
  bool can_go_on(State state) const { return !states_[state].places.empty(); }
  // A state that behaves alike for the next `n_bytes` bytes, and is the same one for many states that differ in long
  // counts only.
  State near_equal(State state, uint32_t n_bytes);

  // How many more places may be looked at before `next` throws.
  void allow_work(uint64_t n_places) { work_left_ = n_places; }
  size_t size_bytes() const;
  // Forgets all states but the first; others are void from then on.
  void reset();

 private:
  struct Place {
    uint32_t instruction;
    StackId stack;

    auto operator<=>(const Place&) const = default;
  };
  struct StateData {
    std::vector<Place> places;  // at instructions that read, sorted
    bool accepts = false;
    State near_equal = kDead;  // once known, for the number of bytes asked for first
  };
  static constexpr State kUnknown = UINT32_MAX;

  State compute_next(State state, uint8_t byte_class);
  void begin();
  void reach(Place place);
  void repeat(const Frame& frame);
  State finish();
  State number(StateData data);

  Program program_;
  size_t n_classes_;
  Stacks stacks_;
  std::vector<StateData> states_;
  std::vector<State> transitions_;                    // [state][class]
  std::unordered_multimap<uint64_t, State> numbers_;  // by the hash of their contents
  size_t n_places_ = 0;                               // of all states
  State start_ = kDead;
  uint64_t work_left_ = UINT64_MAX;

  // What can be reached without reading, while it is being found:
  std::vector<Place> reached_;
  std::vector<uint64_t> seen_;  // open addressing; the round in which a slot was filled is in seen_round_
  std::vector<uint32_t> seen_round_;
  uint32_t round_ = 0;
  bool reached_end_ = false;
  size_t n_seen_ = 0;
};

}  // namespace tidemill::grammar
