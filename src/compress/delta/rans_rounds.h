// The loops of rANS with eight states, by the instructions of the machine at hand.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tidemill {

inline constexpr size_t kRansLanes = 8;
using RansStates = std::array<uint32_t, kRansLanes>;

// Where in 4096 slots a symbol stands, and how many of them are its own.
struct RansShare {
  uint16_t start;
  uint16_t frequency;
};
inline constexpr size_t kSharesPerTable = 256;  // shares[table * 256 + symbol]

// Writes symbols from the last to the first, symbol i by state i % 8.  Words go to words[0], words[1] ..., in the order
// in which they are given, with room for eight more than there are symbols; returns how many there are.
size_t write_rans_symbols(std::span<const uint8_t> contexts, std::span<const uint8_t> symbols, const RansShare* shares,
                          RansStates& states, uint16_t* words);

// Where a reader of symbols stands.  `slots` hold for [table * 4096 + slot] all that a step needs, so that it has one
// place to look up: the symbol, its frequency - 1 from bit 8 on, and the slot's place in the symbol's share from bit 20
// on.
struct RansCursor {
  RansStates states;
  const uint8_t* words;
  const uint8_t* end;  // of the words
  const uint32_t* slots;
  const uint8_t* contexts;
  uint8_t* symbols;
  size_t n;  // of the symbols
  size_t n_read = 0;
};

// Reads whole rounds of eight symbols while there are words for eight.
void read_rans_rounds(RansCursor& cursor);
// The same for two, which take turns, so that a processor need not wait for either; each may have some left when
// the other one has none.
void read_rans_rounds(RansCursor& one, RansCursor& other);

}  // namespace tidemill
