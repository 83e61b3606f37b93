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

// Writes backwards: the last symbol of a code first.  Words are turned around by `finish`.  Neither writer nor reader
// branches on whether a state gives or takes a word, for a processor would guess half of them wrong; the 1 or 0 is
// reckoned with, since compilers make branches of choices.
template <size_t kStates>
class RansWriter {
 public:
  RansWriter() : words_(256) { states_.fill(kRansLow); }

  void symbol(size_t state, const RansSymbol& symbol) {
    const uint32_t x = states_[state];
    states_[state] = symbol.changed(given(x, x >= symbol.limit ? 1 : 0));
  }

  // `n_bits` bits, at most 15, as they are.
  void bits(size_t state, uint32_t value, int n_bits) {
    const uint32_t x = states_[state];
    states_[state] = given(x, x >= uint32_t{1} << (31 - n_bits) ? 1 : 0) << n_bits | value;
  }

  void finish(std::vector<std::byte>& out) const { append_rans(states_, std::span(words_).first(n_words_), out); }

 private:
  // What is left of x once it has given its low word, if it does: 1 or 0.
  uint32_t given(uint32_t x, uint32_t gives) {
    if (n_words_ == words_.size()) words_.resize(2 * n_words_);
    words_[n_words_] = static_cast<uint16_t>(x);  // counts only if it is given
    n_words_ += gives;
    return x >> 16 * gives;
  }

  std::array<uint32_t, kStates> states_;
  std::vector<uint16_t> words_;
  size_t n_words_ = 0;
};

// Reads one symbol at a time; hostile words give symbols of the tables, and throw Error bad_file where they end.
template <size_t kStates>
class RansReader {
 public:
  explicit RansReader(std::span<const std::byte> bytes) : bytes_(bytes) {
    for (uint32_t& state : states_) state = first_state();
  }

  uint32_t symbol(size_t state, const RansTable& table) {
    const uint32_t x = states_[state];
    const uint32_t slot = x % kTableSize;
    const uint8_t symbol = table.symbol(slot);
    const RansShare share = table.share(symbol);
    keep(state, share.frequency * (x >> kTableBits) + slot - share.start);
    return symbol;
  }

  uint32_t bits(size_t state, int n_bits) {
    const uint32_t x = states_[state];
    keep(state, x >> n_bits);
    return x & ((1u << n_bits) - 1);
  }

  // Throws Error bad_file unless all was read and the states are those of a writer's start.
  void finish() const {
    const bool is_start = std::ranges::all_of(states_, [](uint32_t state) { return state == kRansLow; });
    if (!is_start || !bytes_.empty()) refuse_code("does not end as it should");
  }

 private:
  uint32_t first_state() {
    const auto bytes = take_bytes(bytes_, sizeof(uint32_t));
    uint32_t state = 0;
    std::memcpy(&state, bytes.data(), sizeof(state));
    if (state < kRansLow || state >> 31 != 0) refuse_code("begins with a state out of range");
    return state;
  }

  void keep(size_t state, uint32_t x) {
    const auto takes = static_cast<uint32_t>(x < kRansLow);
    uint16_t word = 0;
    if (bytes_.size() >= sizeof(word)) {
      std::memcpy(&word, bytes_.data(), sizeof(word));
    } else if (takes != 0) {
      refuse_code("ends early");
    }
    states_[state] = with_word(x, word, takes);
    bytes_ = bytes_.subspan(sizeof(word) * takes);
  }

  std::span<const std::byte> bytes_;
  std::array<uint32_t, kStates> states_;
};

// Many symbols, symbol i by the state i % 8 and the table contexts[i].
void write_rans(std::span<const uint8_t> contexts, std::span<const uint8_t> symbols,
                std::span<const Frequencies> tables, std::vector<std::byte>& out);
// `contexts` name tables that exist.
void read_rans(std::span<const std::byte> bytes, std::span<const uint8_t> contexts, std::span<const Frequencies> tables,
               std::span<uint8_t> symbols);

}  // namespace tidemill
