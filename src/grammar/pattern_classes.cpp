#include "grammar/pattern_classes.h"

#include "text/regex/regex_classes.h"

namespace tidemill::grammar {
namespace {

CodePointSet set_of(std::initializer_list<CodePointSet::Run> runs) {
  CodePointSet set;
  for (const auto& run : runs) set.add(CodePointSet(run.first, run.last));
  return set;
}

// \w, \d or \s: what `least` says, and at most what Unicode does besides.
PatternClass shorthand(char letter, CodePointSet least) {
  CodePointSet most = least;
  for (const Brackets brackets : {Brackets::inside, Brackets::outside})
    if (const auto set = find_shorthand(letter, brackets)) most.add(*set);
  return {least, most};
}

}  // namespace

std::optional<PatternClass> find_pattern_class(char letter) {
  switch (letter) {
    case 'd':
      return shorthand('d', set_of({{'0', '9'}}));
    case 'w':
      return shorthand('w', set_of({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}));
    case 's': {
      PatternClass spaces = shorthand('s', set_of({{'\t', '\r'}, {' ', ' '}}));
      spaces.most.add(set_of({{0x1C, 0x1F}, {0x85, 0x85}, {0xA0, 0xA0}, {0xFEFF, 0xFEFF}}));
      return spaces;
    }
    case 'D':
    case 'W':
    case 'S':
      return find_pattern_class(static_cast<char>(letter + ('a' - 'A')))->complement();
    default:
      return std::nullopt;
  }
}

PatternClass any_but_line_ends() {
  const CodePointSet ends = set_of({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}});
  return PatternClass{ends, ends}.complement();
}

}  // namespace tidemill::grammar
