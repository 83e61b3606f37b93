#include "compress/delta/rans.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "compress/delta/bad_code.h"
#include "compress/delta/buffer.h"

namespace tidemill {
namespace {

RansSymbol rans_symbol(uint32_t start, uint32_t frequency) {
  RansSymbol symbol;
  symbol.limit = frequency << (31 - kTableBits);
  symbol.complement = static_cast<uint16_t>(kTableSize - frequency);
  // For a frequency of 1 the quotient is one too small, which the bias makes good.
  symbol.reciprocal = frequency == 1 ? ~uint64_t{0} : ~uint64_t{0} / frequency + 1;
  symbol.bias = static_cast<uint16_t>(frequency == 1 ? start + kTableSize - 1 : start);
  return symbol;
}

std::vector<RansShare> shares_of(const Frequencies& frequencies) {
  std::vector<RansShare> shares;
  uint16_t start = 0;
  for (const uint16_t frequency : frequencies) {
    shares.push_back({start, frequency});
    start = static_cast<uint16_t>(start + frequency);
  }
  return shares;
}

// Fills the 4096 slots of a table for read_rans_symbols.
void fill_slots(const Frequencies& frequencies, uint32_t* slots) {
  for (size_t symbol = 0; symbol < frequencies.size(); ++symbol) {
    const uint32_t frequency = frequencies[symbol];
    const uint32_t first = static_cast<uint32_t>(symbol) | (frequency - 1) << 8;
    for (uint32_t offset = 0; offset < frequency; ++offset) slots[offset] = first + (offset << 20);
    slots += frequency;
  }
}

// What a cursor needs, and what is left when it has read whole rounds.
class SourceReader {
 public:
  explicit SourceReader(const RansSource& source) : slots_(source.tables.size() * kTableSize) {
    for (size_t table = 0; table < source.tables.size(); ++table)
      fill_slots(source.tables[table], slots_.data() + table * kTableSize);
    if (source.bytes.size() < sizeof(cursor_.states)) refuse_code("ends early");
    const auto* const bytes = reinterpret_cast<const uint8_t*>(source.bytes.data());
    std::memcpy(cursor_.states.data(), bytes, sizeof(cursor_.states));
    for (const uint32_t state : cursor_.states) {
      if (state < kRansLow || state >> 31 != 0) refuse_code("begins with a state out of range");
    }
    cursor_.words = bytes + sizeof(cursor_.states);
    cursor_.end = bytes + source.bytes.size();
    cursor_.slots = slots_.data();
    cursor_.contexts = source.contexts.data();
    cursor_.symbols = source.symbols.data();
    cursor_.n = source.symbols.size();
  }

  RansCursor& cursor() { return cursor_; }

  void finish() {
    for (; cursor_.n_read < cursor_.n; ++cursor_.n_read) {
      uint32_t& state = cursor_.states[cursor_.n_read % kRansLanes];
      const uint32_t entry = cursor_.slots[size_t{cursor_.contexts[cursor_.n_read]} * kTableSize + state % kTableSize];
      cursor_.symbols[cursor_.n_read] = static_cast<uint8_t>(entry);
      state = ((entry >> 8 & 0xFFF) + 1) * (state >> kTableBits) + (entry >> 20);
      if (state >= kRansLow) continue;
      if (cursor_.end - cursor_.words < 2) refuse_code("ends early");
      state = state << 16 | uint32_t{cursor_.words[0]} | uint32_t{cursor_.words[1]} << 8;
      cursor_.words += 2;
    }
    const bool is_start = std::ranges::all_of(cursor_.states, [](uint32_t state) { return state == kRansLow; });
    if (!is_start || cursor_.words != cursor_.end) refuse_code("does not end as it should");
  }

 private:
  Buffer<uint32_t> slots_;
  RansCursor cursor_{};
};

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

RansTable::RansTable(const Frequencies& frequencies) {
  std::ranges::copy(shares_of(frequencies), shares_.begin());
  uint8_t* slot = symbols_.data();
  for (size_t symbol = 0; symbol < frequencies.size(); ++symbol) {
    slot = std::fill_n(slot, frequencies[symbol], static_cast<uint8_t>(symbol));
  }
}

void append_rans(std::span<const uint32_t> states, std::span<const uint16_t> words, std::vector<std::byte>& out) {
  const size_t at = out.size();
  out.resize(at + states.size_bytes() + words.size_bytes());
  std::memcpy(out.data() + at, states.data(), states.size_bytes());
  std::byte* to = out.data() + at + states.size_bytes();
  for (size_t index = words.size(); index-- > 0; to += sizeof(words[0]))
    std::memcpy(to, &words[index], sizeof(words[0]));
}

void write_rans(std::span<const uint8_t> contexts, std::span<const uint8_t> symbols,
                std::span<const Frequencies> tables, std::vector<std::byte>& out) {
  Buffer<RansShare> shares(kSharesPerTable * tables.size());
  for (size_t table = 0; table < tables.size(); ++table) {
    std::ranges::copy(shares_of(tables[table]), shares.data() + table * kSharesPerTable);
  }
  RansStates states;
  states.fill(kRansLow);
  Buffer<uint16_t> words(symbols.size() + kRansLanes);  // a symbol gives one at most
  const size_t n_words = write_rans_symbols(contexts, symbols, shares.data(), states, words.data());
  append_rans(states, std::span(words.data(), n_words), out);
}

void read_rans(const RansSource& source) {
  SourceReader reader(source);
  read_rans_rounds(reader.cursor());
  reader.finish();
}

void read_rans(const RansSource& one, const RansSource& other) {
  SourceReader first(one), second(other);
  read_rans_rounds(first.cursor(), second.cursor());
  first.finish();
  second.finish();
}

}  // namespace tidemill
