// Ranges of code points as ranges of bytes.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "text/unicode/code_point_set.h"

namespace tidemill::grammar {

struct ByteRange {
  uint8_t first, last;

  auto operator<=>(const ByteRange&) const = default;
};

// One to four ranges of bytes: every choice of a byte from each is a character.
struct ByteRanges {
  std::array<ByteRange, 4> ranges;
  size_t size = 0;
};

// The characters of a set, without surrogates, which UTF-8 lacks.
std::vector<ByteRanges> utf8_ranges(const CodePointSet& set);

}  // namespace tidemill::grammar
