// Stacks of an automaton: where rules return to and how often repetitions have occurred.  Equal stacks are one, so that
// they are compared by their numbers and share what lies below.
#pragma once

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "grammar/rules.h"

namespace tidemill::grammar {

using StackId = uint32_t;

struct Frame {
  StackId below = 0;
  bool is_counter = false;
  uint32_t target = 0;   // the instruction to return to, or the counter
  uint32_t needed = 0;   // of a counter: repetitions that must follow
  uint32_t allowed = 0;  // of a counter: repetitions that may follow; kUnlimited: any number

  bool operator==(const Frame&) const = default;
};

class Stacks {
 public:
  static constexpr StackId kEmpty = 0;

  Stacks() { clear(); }

  void clear() {
    frames_.assign(1, {});
    numbers_.clear();
  }

  StackId push(const Frame& frame) {
    const auto [found, is_new] = numbers_.try_emplace(frame, static_cast<StackId>(frames_.size()));
    if (is_new) frames_.push_back(frame);
    return found->second;
  }
  const Frame& top(StackId stack) const { return frames_[stack]; }  // not of kEmpty

  // The same stack with no count above `most`.
  StackId clamped(StackId stack, uint32_t most) {
    std::vector<Frame> above;
    for (StackId at = stack; at != kEmpty; at = frames_[at].below) above.push_back(frames_[at]);
    StackId result = kEmpty;
    while (!above.empty()) {
      Frame frame = above.back();
      above.pop_back();
      frame.below = result;
      frame.needed = std::min(frame.needed, most);
      if (frame.allowed != kUnlimited) frame.allowed = std::min(frame.allowed, most);
      result = push(frame);
    }
    return result;
  }

  size_t size_bytes() const { return frames_.size() * (sizeof(Frame) * 2 + 40); }

 private:
  struct Hash {
    size_t operator()(const Frame& frame) const {
      uint64_t hash = frame.below * uint64_t{0x9E3779B97F4A7C15};
      hash = (hash ^ (uint64_t{frame.target} << 1 | uint64_t{frame.is_counter})) * 0xBF58476D1CE4E5B9;
      hash = (hash ^ (hash >> 29) ^ (uint64_t{frame.needed} << 32 | frame.allowed)) * 0x94D049BB133111EB;
      return hash ^ (hash >> 32);
    }
  };

  std::vector<Frame> frames_;  // the first is none
  std::unordered_map<Frame, StackId, Hash> numbers_;
};

}  // namespace tidemill::grammar
