// Interleaved rANS: symbols in near to as many bits as their tables say, several states at once so that a processor
// need not wait for one of them.  Duda 2013, arXiv:1311.2540; Giesen 2014, arXiv:1402.3392.
// Specification: docs/formats/delta_blocks.md, "Symbols".
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "compress/delta/code_parts.h"
#include "compress/delta/rans_rounds.h"
#include "compress/delta/symbol_tables.h"

namespace tidemill {

// Neither writers nor readers branch on whether a state gives or takes a word, for a processor would guess half of them
// wrong; the 1 or 0 is reckoned with, since compilers make branches of choices.

inline constexpr uint32_t kRansLow = 1u << 15;  // a state at rest is kRansLow to 2^31 - 1

// How a symbol changes a state when it is written; division is a product with a reciprocal, which is exact for so small
// a numerator (Granlund and Montgomery 1994).
struct RansSymbol {
  uint64_t reciprocal = 0;  // 2^64 / frequency, rounded up
  uint32_t limit = 0;       // states from here on give 16 bits away first
  uint16_t bias = 0;
  uint16_t complement = 0;  // 4096 - frequency

  uint32_t changed(uint32_t state) const {
    const auto quotient = static_cast<uint32_t>(static_cast<unsigned __int128>(state) * reciprocal >> 64);
    return state + bias + quotient * complement;
  }
};

// x with the next word below it, if it takes one: 1 or 0.
inline uint32_t with_word(uint32_t x, uint16_t word, uint32_t takes) {
  return x << 16 * takes | (word & (0u - takes));
}

// Of one table: a RansSymbol for each symbol.
std::vector<RansSymbol> rans_symbols(const Frequencies& frequencies);

// The symbol of every slot of one table, and where each one's share is: less than half of what read_rans_symbols has,
// since it is filled for few symbols.
class RansTable {
 public:
  explicit RansTable(const Frequencies& frequencies);

  uint8_t symbol(uint32_t slot) const { return symbols_[slot]; }
  RansShare share(uint8_t symbol) const { return shares_[symbol]; }

 private:
  std::array<uint8_t, kTableSize> symbols_;
  std::array<RansShare, kSharesPerTable> shares_;  // of the symbols that there are
};

// States and words, which were given backwards, as little-endian bytes in the order of reading.
void append_rans(std::span<const uint32_t> states, std::span<const uint16_t> words, std::vector<std::byte>& out);

// Many symbols, symbol i by the state i % 8 and the table contexts[i].
void write_rans(std::span<const uint8_t> contexts, std::span<const uint8_t> symbols,
                std::span<const Frequencies> tables, std::vector<std::byte>& out);

// What was written so and is to be read: `contexts` name tables that exist.
struct RansSource {
  std::span<const std::byte> bytes;
  std::span<const uint8_t> contexts;
  std::span<const Frequencies> tables;
  std::span<uint8_t> symbols;  // to be filled
};
void read_rans(const RansSource& source);
// Two at once, which takes little longer than one does.  An error may be of either.
void read_rans(const RansSource& one, const RansSource& other);

}  // namespace tidemill
