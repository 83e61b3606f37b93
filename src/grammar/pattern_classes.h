// Character classes of patterns.
#pragma once

#include <optional>

#include "text/unicode/code_point_set.h"

namespace tidemill::grammar {

// What a class means at least and at most, for engines differ.
struct PatternClass {
  CodePointSet least, most;

  void add(const PatternClass& other) {
    least.add(other.least);
    most.add(other.most);
  }
  PatternClass complement() const { return {most.complement(), least.complement()}; }
};

// \d \w \s \D \W \S by their letter; nothing for others.
std::optional<PatternClass> find_pattern_class(char letter);
// All but line ends.
PatternClass any_but_line_ends();

}  // namespace tidemill::grammar
