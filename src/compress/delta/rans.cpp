#include "compress/delta/rans.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "compress/delta/bad_code.h"
#include "compress/delta/buffer.h"

namespace tidemill {
namespace {

using LaneStates = std::array<uint32_t, kRansLanes>;

template <typename Unsigned>
void append_little_endian(std::vector<std::byte>& out, Unsigned value) {
  for (size_t byte = 0; byte < sizeof(value); ++byte) out.push_back(static_cast<std::byte>(value >> 8 * byte));
}

RansSymbol rans_symbol(uint32_t start, uint32_t frequency) {
  RansSymbol symbol;
  symbol.limit = frequency << (31 - kTableBits);
  symbol.complement = static_cast<uint16_t>(kTableSize - frequency);
  // For a frequency of 1 the quotient is one too small, which the bias makes good.
  symbol.reciprocal = frequency == 1 ? ~uint64_t{0} : ~uint64_t{0} / frequency + 1;
  symbol.bias = static_cast<uint16_t>(frequency == 1 ? start + kTableSize - 1 : start);
  return symbol;
}

// All symbols of all tables, at [table * 256 + symbol].
constexpr size_t kStride = 256;

Buffer<RansSymbol> symbols_of(std::span<const Frequencies> tables) {
  Buffer<RansSymbol> all(kStride * tables.size());
  for (size_t table = 0; table < tables.size(); ++table) {
    std::ranges::copy(rans_symbols(tables[table]), all.data() + table * kStride);
  }
  return all;
}

// Where words are written to, from the end; what is written at the place before the next word counts once it is given.
struct WordsBackwards {
  uint16_t* next;

  uint32_t give_from(uint32_t x, uint32_t limit) {
    next[-1] = static_cast<uint16_t>(x);
    const bool gives = x >= limit;  // no branch: half of them would be guessed wrong
    next -= gives ? 1 : 0;
    return gives ? x >> 16 : x;
  }
};

// Reads whole rounds of lanes while the words last; returns how many symbols it read.
size_t read_rounds(const uint8_t*& words, const uint8_t* end, std::span<const uint8_t> contexts, const uint32_t* tables,
                   LaneStates& states, uint8_t* symbols) {
  LaneStates held = states;
  const uint8_t* next = words;
  size_t index = 0;
  while (index + kRansLanes <= contexts.size() && static_cast<size_t>(end - next) >= 2 * kRansLanes) {
    for (size_t lane = 0; lane < kRansLanes; ++lane) {
      uint32_t x = held[lane];
      const uint32_t entry = tables[size_t{contexts[index + lane]} * kTableSize + x % kTableSize];
      symbols[index + lane] = static_cast<uint8_t>(entry);
      x = ((entry >> 8 & 0xFFF) + 1) * (x >> kTableBits) + (entry >> 20);
      uint16_t word;
      std::memcpy(&word, next, sizeof(word));
      const bool is_low = x < kRansLow;  // no branch: half of them would be guessed wrong
      held[lane] = is_low ? x << 16 | word : x;
      next += is_low ? 2 : 0;
    }
    index += kRansLanes;
  }
  words = next;
  states = held;
  return index;
}

}  // namespace

std::vector<RansSymbol> rans_symbols(const Frequencies& frequencies) {
  std::vector<RansSymbol> symbols(frequencies.size());
  uint32_t start = 0;
  for (size_t symbol = 0; symbol < frequencies.size(); ++symbol) {
    if (frequencies[symbol] > 0) symbols[symbol] = rans_symbol(start, frequencies[symbol]);
    start += frequencies[symbol];
  }
  return symbols;
}

void fill_rans_table(const Frequencies& frequencies, uint32_t* table) {
  for (size_t symbol = 0; symbol < frequencies.size(); ++symbol) {
    const uint32_t frequency = frequencies[symbol];
    const uint32_t first = static_cast<uint32_t>(symbol) | (frequency - 1) << 8;
    for (uint32_t offset = 0; offset < frequency; ++offset) table[offset] = first + (offset << 20);
    table += frequency;
  }
}

void RansWriter::finish(std::vector<std::byte>& out) const {
  for (const uint32_t state : states_) append_little_endian(out, state);
  for (size_t index = words_.size(); index-- > 0;) append_little_endian(out, words_[index]);
}

RansReader::RansReader(std::span<const std::byte> bytes, size_t n_states) : bytes_(bytes), states_(n_states) {
  for (uint32_t& state : states_) {
    const uint32_t low = next_word();
    state = low | next_word() << 16;
    if (state < kRansLow || state >> 31 != 0) refuse_code("begins with a state out of range");
  }
}

uint32_t RansReader::next_word() {
  if (bytes_.size() - position_ < 2) refuse_code("ends early");
  const uint32_t word = std::to_integer<uint32_t>(bytes_[position_]) | std::to_integer<uint32_t>(bytes_[position_ + 1])
                                                                           << 8;
  position_ += 2;
  return word;
}

void RansReader::finish() const {
  const bool is_start = std::ranges::all_of(states_, [](uint32_t state) { return state == kRansLow; });
  if (!is_start || position_ != bytes_.size()) refuse_code("does not end as it should");
}

void write_rans(std::span<const uint8_t> contexts, std::span<const uint8_t> symbols,
                std::span<const Frequencies> tables, std::vector<std::byte>& out) {
  const auto all = symbols_of(tables);
  const std::span<const RansSymbol> all_symbols = all;
  LaneStates states;
  states.fill(kRansLow);
  Buffer<uint16_t> buffer(symbols.size() + 1);  // a symbol gives one word at most
  uint16_t* const end = buffer.data() + buffer.size();
  WordsBackwards words{end};
  const auto write = [&](size_t index, uint32_t x) {
    const RansSymbol& symbol = all_symbols[contexts[index] * kStride + symbols[index]];
    return symbol.changed(words.give_from(x, symbol.limit));
  };
  size_t index = symbols.size();
  for (; index % kRansLanes > 0; --index)
    states[(index - 1) % kRansLanes] = write(index - 1, states[(index - 1) % kRansLanes]);
  for (; index > 0; index -= kRansLanes) {
    for (size_t lane = kRansLanes; lane-- > 0;) states[lane] = write(index - kRansLanes + lane, states[lane]);
  }
  for (const uint32_t state : states) append_little_endian(out, state);
  const auto given = std::as_bytes(std::span(words.next, end));
  out.insert(out.end(), given.begin(), given.end());
}

void read_rans(std::span<const std::byte> bytes, std::span<const uint8_t> contexts, std::span<const Frequencies> tables,
               std::span<uint8_t> symbols) {
  Buffer<uint32_t> slots(tables.size() * kTableSize);
  for (size_t table = 0; table < tables.size(); ++table) {
    fill_rans_table(tables[table], slots.data() + table * kTableSize);
  }
  LaneStates states{};
  if (bytes.size() < sizeof(states)) refuse_code("ends early");
  const auto* words = reinterpret_cast<const uint8_t*>(bytes.data());
  const uint8_t* end = words + bytes.size();
  std::memcpy(states.data(), words, sizeof(states));
  words += sizeof(states);
  for (const uint32_t state : states) {
    if (state < kRansLow || state >> 31 != 0) refuse_code("begins with a state out of range");
  }
  size_t index = read_rounds(words, end, contexts, slots.data(), states, symbols.data());
  for (; index < symbols.size(); ++index) {
    uint32_t x = states[index % kRansLanes];
    const uint32_t entry = slots.data()[size_t{contexts[index]} * kTableSize + x % kTableSize];
    symbols[index] = static_cast<uint8_t>(entry);
    x = ((entry >> 8 & 0xFFF) + 1) * (x >> kTableBits) + (entry >> 20);
    if (x < kRansLow) {
      if (end - words < 2) refuse_code("ends early");
      x = x << 16 | static_cast<uint32_t>(words[0]) | static_cast<uint32_t>(words[1]) << 8;
      words += 2;
    }
    states[index % kRansLanes] = x;
  }
  const bool is_start = std::ranges::all_of(states, [](uint32_t state) { return state == kRansLow; });
  if (!is_start || words != end) refuse_code("does not end as it should");
}

}  // namespace tidemill
