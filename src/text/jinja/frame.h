// Variables of one call of a macro, or of the template itself.
#pragma once

#include <memory>
#include <vector>

#include "text/jinja/value.h"

namespace tidemill::jinja {

struct Frame {
  Frame(Runtime& runtime, size_t n_slots, std::shared_ptr<Frame> outer)
      : slots(n_slots), enclosing(std::move(outer)), charge(&runtime, sizeof(Frame) + n_slots * sizeof(Value)) {}

  // Lets go of all values; what they held may refer back to this frame.
  void clear() { std::vector<Value>(slots.size()).swap(slots); }

  std::vector<Value> slots;
  std::shared_ptr<Frame> enclosing;  // of the function around this one
  Charge charge;
};

}  // namespace tidemill::jinja
