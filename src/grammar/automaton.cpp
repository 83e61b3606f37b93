#include "grammar/automaton.h"

#include <algorithm>
#include <utility>

#include "tidemill/grammar.h"

namespace tidemill::grammar {
namespace {

using Op = Instruction::Op;

constexpr size_t kMaxPlaces = 4096;
constexpr size_t kSeenSlots = 4 * kMaxPlaces;  // a power of two

uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15;
  return hash ^ (hash >> 29);
}

}  // namespace

Automaton::Automaton(Program program)
    : program_(std::move(program)), n_classes_(program_.class_byte.size()), seen_(kSeenSlots), seen_round_(kSeenSlots) {
  reset();
}

void Automaton::reset() {
  stacks_.clear();
  states_.clear();
  transitions_.clear();
  numbers_.clear();
  n_places_ = 0;
  number({});  // kDead
  begin();
  reach({program_.start, Stacks::kEmpty});
  start_ = finish();
}

Automaton::State Automaton::compute_next(State state, uint8_t byte_class) {
  const uint8_t byte = program_.class_byte[byte_class];
  begin();
  for (size_t k = 0; k < states_[state].places.size(); ++k) {
    const Place place = states_[state].places[k];
    const Instruction& instruction = program_.instructions[place.instruction];
    if (instruction.first <= byte && byte <= instruction.last) reach({instruction.next, place.stack});
  }
  const size_t n_before = states_.size();
  const size_t n_from = states_[state].places.size();
  const State next = finish();
  const size_t work = n_from + n_seen_ + (states_.size() - n_before) * n_classes_;
  if (work > work_left_) throw GrammarError("", "takes too long; make it less ambiguous");
  work_left_ -= work;
  transitions_[state * n_classes_ + byte_class] = next;
  return next;
}

void Automaton::begin() {
  reached_.clear();
  reached_end_ = false;
  n_seen_ = 0;
  if (++round_ == 0) {
    std::fill(seen_round_.begin(), seen_round_.end(), 0);
    round_ = 1;
  }
}

// Notes a place, to be followed by `finish`.
void Automaton::reach(Place place) {
  const uint64_t key = uint64_t{place.instruction} << 32 | place.stack;
  size_t slot = mix(0, key) & (kSeenSlots - 1);
  while (seen_round_[slot] == round_) {
    if (seen_[slot] == key) return;
    slot = (slot + 1) & (kSeenSlots - 1);
  }
  if (++n_seen_ > 2 * kMaxPlaces)
    throw GrammarError("", "is too ambiguous: a text may stand at too many places at once");
  seen_[slot] = key;
  seen_round_[slot] = round_;
  reached_.push_back(place);
}

// At the start of a counted repetition, `frame` on top.
void Automaton::repeat(const Frame& frame) {
  const Counter& counter = program_.counters[frame.target];
  if (frame.needed == 0) reach({counter.next, frame.below});
  if (frame.allowed > 0) reach({counter.body, stacks_.push(frame)});
}

// Follows what reads nothing; the state of all that then reads.
Automaton::State Automaton::finish() {
  StateData data;
  for (size_t k = 0; k < reached_.size(); ++k) {  // grows meanwhile
    const Place place = reached_[k];
    const Instruction instruction = program_.instructions[place.instruction];
    switch (instruction.op) {
      case Op::bytes:
        data.places.push_back(place);
        break;
      case Op::split:
        reach({instruction.next, place.stack});
        reach({instruction.other, place.stack});
        break;
      case Op::jump:
        reach({program_.rule_starts[instruction.other], place.stack});
        break;
      case Op::call:
        reach({program_.rule_starts[instruction.other],
               stacks_.push({.below = place.stack, .target = instruction.next})});
        break;
      case Op::finish:
        if (place.stack == Stacks::kEmpty)
          reached_end_ = true;
        else
          reach({stacks_.top(place.stack).target, stacks_.top(place.stack).below});
        break;
      case Op::enter: {
        const Counter& counter = program_.counters[instruction.other];
        repeat({.below = place.stack,
                .is_counter = true,
                .target = instruction.other,
                .needed = counter.min,
                .allowed = counter.max});
        break;
      }
      case Op::leave: {
        Frame frame = stacks_.top(place.stack);
        if (frame.needed > 0) --frame.needed;
        if (frame.allowed != kUnlimited) --frame.allowed;
        repeat(frame);
        break;
      }
    }
  }
  data.accepts = reached_end_;
  if (data.places.size() > kMaxPlaces)
    throw GrammarError("", "is too ambiguous: a text may stand at too many places at once");
  std::sort(data.places.begin(), data.places.end());
  return number(std::move(data));
}

Automaton::State Automaton::number(StateData data) {
  uint64_t hash = data.accepts ? 1 : 2;
  for (const Place& place : data.places) hash = mix(hash, uint64_t{place.instruction} << 32 | place.stack);
  const auto [first, last] = numbers_.equal_range(hash);
  for (auto known = first; known != last; ++known) {
    const StateData& other = states_[known->second];
    if (other.accepts == data.accepts && other.places == data.places) return known->second;
  }
  const auto state = static_cast<State>(states_.size());
  const bool is_end = data.places.empty();
  n_places_ += data.places.size();
  states_.push_back(std::move(data));
  transitions_.resize(transitions_.size() + n_classes_, is_end ? kDead : kUnknown);
  numbers_.emplace(hash, state);
  return state;
}

Automaton::State Automaton::near_equal(State state, uint32_t n_bytes) {
  if (states_[state].near_equal != kDead) return states_[state].near_equal;
  StateData data{.places = states_[state].places, .accepts = states_[state].accepts};
  // A repetition holds at least a byte, so a count above n_bytes ends within none of them.
  for (Place& place : data.places) place.stack = stacks_.clamped(place.stack, n_bytes + 1);
  std::sort(data.places.begin(), data.places.end());
  data.places.erase(std::unique(data.places.begin(), data.places.end()), data.places.end());
  const State near = number(std::move(data));
  states_[state].near_equal = states_[near].near_equal = near;
  return near;
}

size_t Automaton::size_bytes() const {
  return stacks_.size_bytes() + states_.size() * (sizeof(StateData) + 64) + transitions_.size() * sizeof(State) +
         n_places_ * sizeof(Place);
}

}  // namespace tidemill::grammar
