// TextFreedom: how much plain text may follow in a state, whatever text that is.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "grammar/automaton.h"

namespace tidemill::grammar {

// Not for several threads.
class TextFreedom {
 public:
  static constexpr uint32_t kAny = UINT32_MAX;

  // The n for which the automaton can read every plain text (as is_plain_text) of up to n characters from `state`, and
  // none of more; kAny when it can read all of them.  Nothing where it reads some texts of a length and not others.
  std::optional<uint32_t> find(Automaton& automaton, Automaton::State state);
  // For an automaton that was reset.
  void clear() { known_.clear(); }

 private:
  enum class Kind : uint8_t { unknown, open, mixed, uniform };
  struct Freedom {
    Kind kind = Kind::unknown;
    uint32_t n_characters = 0;

    bool operator==(const Freedom&) const = default;
  };
  struct Search;

  Freedom find_at(Automaton& automaton, Automaton::State state, int depth);

  std::vector<Freedom> known_;  // by state
};

}  // namespace tidemill::grammar
