// Levels: what the codes of a format stand for before a scale.
#pragma once

#include <cstdint>

namespace tidemill {

// Code c, 0 to n_codes - 1, stands for lowest + c, or for table[c].
struct Levels {
  int n_codes = 16;
  int lowest = 0;
  const int8_t* table = nullptr;  // of n_codes entries that ascend, at most 16; it outlives this

  constexpr int of(int code) const { return table != nullptr ? table[code] : lowest + code; }
  constexpr int first() const { return of(0); }
  constexpr int last() const { return of(n_codes - 1); }
};

}  // namespace tidemill
