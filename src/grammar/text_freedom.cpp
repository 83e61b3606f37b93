#include "grammar/text_freedom.h"

#include <array>

#include "grammar/utf8_ranges.h"

namespace tidemill::grammar {
namespace {

// A count this far from its end is found out by nobody: tokens are shorter.
constexpr int kMaxDepth = 300;

// Plain characters as ranges of bytes.
const std::vector<ByteRanges>& plain_characters() {
  static const std::vector<ByteRanges> ranges = [] {
    CodePointSet special(0, 0x1F);
    for (const char32_t c : {U'"', U'\\', char32_t{0x7F}}) special.add(CodePointSet(c, c));
    return utf8_ranges(special.complement());
  }();
  return ranges;
}

}  // namespace

// What follows in all states behind one plain character.
struct TextFreedom::Search {
  TextFreedom& self;
  Automaton& automaton;
  Automaton::State from;
  int depth;
  bool reads_some = false, reads_all = true;
  Freedom after = {};  // of all these states, when it is the same

  // Follows the ranges of one character from `state`; false when the answer is `mixed`.
  bool follow(Automaton::State state, const ByteRanges& ranges, size_t at) {
    if (state == Automaton::kDead) {
      reads_all = false;
      return true;
    }
    if (at == ranges.size) return take(state);
    const ByteRange range = ranges.ranges[at];
    std::array<bool, 256> seen = {};  // by class of bytes
    for (int byte = range.first; byte <= range.last; ++byte) {
      const uint8_t byte_class = automaton.class_of(static_cast<uint8_t>(byte));
      if (seen[byte_class]) continue;
      seen[byte_class] = true;
      if (!follow(automaton.next_by_class(state, byte_class), ranges, at + 1)) return false;
    }
    return true;
  }

  bool take(Automaton::State state) {
    reads_some = true;
    const Freedom next = state == from ? Freedom{Kind::uniform, kAny} : self.find_at(automaton, state, depth + 1);
    if (next.kind != Kind::uniform || (after.kind != Kind::unknown && after != next)) return false;
    after = next;
    return true;
  }
};

TextFreedom::Freedom TextFreedom::find_at(Automaton& automaton, Automaton::State state, int depth) {
  if (known_.size() <= state) known_.resize(state + size_t{1});
  if (known_[state].kind == Kind::open || depth > kMaxDepth) return {Kind::mixed};
  if (known_[state].kind != Kind::unknown) return known_[state];
  known_[state].kind = Kind::open;
  Search search{.self = *this, .automaton = automaton, .from = state, .depth = depth};
  bool is_uniform = true;
  for (const ByteRanges& ranges : plain_characters()) {
    is_uniform = search.follow(state, ranges, 0) && (search.reads_all || !search.reads_some);
    if (!is_uniform) break;
  }
  Freedom freedom{Kind::mixed};
  if (is_uniform && !search.reads_some) freedom = {Kind::uniform, 0};
  if (is_uniform && search.reads_some)
    freedom = {Kind::uniform, search.after.n_characters == kAny ? kAny : search.after.n_characters + 1};
  return known_[state] = freedom;
}

std::optional<uint32_t> TextFreedom::find(Automaton& automaton, Automaton::State state) {
  const Freedom freedom = find_at(automaton, state, 0);
  return freedom.kind == Kind::uniform ? std::optional(freedom.n_characters) : std::nullopt;
}

}  // namespace tidemill::grammar
