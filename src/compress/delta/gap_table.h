// Gaps between changes that come at a rate, as if by chance: such gaps are spread geometrically, so the rate alone
// tells how often each is expected.  A gap is its low bits, which are even, and a symbol of the bits above them.
// Specification: docs/formats/delta_blocks.md, "Gaps".
#pragma once

#include <cstdint>

#include "compress/delta/symbol_tables.h"

namespace tidemill {

inline constexpr int kMostRate = 80;        // 2^-20 of the elements
inline constexpr uint32_t kGapEscape = 31;  // symbol: 31 more, and another symbol follows

// The rate for so many changes, in quarters of an octave below one: 1 to 80; 8 is every fourth element.
int rate_of(uint32_t n_changed, uint32_t n_elements);

struct GapCode {
  int n_low_bits;
};
GapCode gap_code(int rate);

// Of the symbols 0 to 31.
Frequencies gap_frequencies(int rate);

}  // namespace tidemill
