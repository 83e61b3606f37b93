// Interleaved rANS: symbols in near to as many bits as their tables say, several states at once so that a processor
// need not wait for one of them.  Duda 2013, arXiv:1311.2540; Giesen 2014, arXiv:1402.3392.
// Specification: docs/formats/delta_blocks.md, "Symbols".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "compress/delta/symbol_tables.h"

namespace tidemill {

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

// Of one table: a RansSymbol for each symbol.
std::vector<RansSymbol> rans_symbols(const Frequencies& frequencies);

// Fills 4096 entries, by the low bits of a state: symbol, frequency - 1 << 8, offset in the symbol's share << 20.
void fill_rans_table(const Frequencies& frequencies, uint32_t* table);

// Writes backwards: the last symbol of a code first.  Words are turned around by `finish`.
class RansWriter {
 public:
  explicit RansWriter(size_t n_states) : states_(n_states, kRansLow) {}

  void symbol(size_t state, const RansSymbol& symbol) {
    uint32_t x = states_[state];
    if (x >= symbol.limit) x = give_word(x);
    states_[state] = symbol.changed(x);
  }

  // `n_bits` bits, at most 15, as they are.
  void bits(size_t state, uint32_t value, int n_bits) {
    uint32_t x = states_[state];
    if (x >= uint32_t{1} << (31 - n_bits)) x = give_word(x);
    states_[state] = x << n_bits | value;
  }

  // Appends states and words, as little-endian bytes in the order of reading.
  void finish(std::vector<std::byte>& out) const;

 private:
  uint32_t give_word(uint32_t x) {
    words_.push_back(static_cast<uint16_t>(x));
    return x >> 16;
  }

  std::vector<uint32_t> states_;
  std::vector<uint16_t> words_;
};

// Reads one symbol at a time; hostile words give symbols of the tables, and throw Error bad_file where they end.
class RansReader {
 public:
  RansReader(std::span<const std::byte> bytes, size_t n_states);

  uint32_t symbol(size_t state, const uint32_t* table) {
    const uint32_t x = states_[state];
    const uint32_t entry = table[x % kTableSize];
    keep(state, ((entry >> 8 & 0xFFF) + 1) * (x >> kTableBits) + (entry >> 20));
    return entry & 0xFF;
  }

  uint32_t bits(size_t state, int n_bits) {
    const uint32_t x = states_[state];
    keep(state, x >> n_bits);
    return x & ((1u << n_bits) - 1);
  }

  // Throws Error bad_file unless all was read and the states are those of a writer's start.
  void finish() const;

 private:
  void keep(size_t state, uint32_t x) {
    if (x < kRansLow) x = x << 16 | next_word();
    states_[state] = x;
  }
  uint32_t next_word();

  std::span<const std::byte> bytes_;
  size_t position_ = 0;
  std::vector<uint32_t> states_;
};

// Many symbols, symbol i by the state i % 8 and the table contexts[i].
inline constexpr size_t kRansLanes = 8;
void write_rans(std::span<const uint8_t> contexts, std::span<const uint8_t> symbols,
                std::span<const Frequencies> tables, std::vector<std::byte>& out);
// `contexts` name tables that exist.
void read_rans(std::span<const std::byte> bytes, std::span<const uint8_t> contexts, std::span<const Frequencies> tables,
               std::span<uint8_t> symbols);

}  // namespace tidemill
