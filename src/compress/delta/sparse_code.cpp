#include "compress/delta/sparse_code.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "compress/delta/code_parts.h"
#include "compress/delta/gap_table.h"
#include "compress/delta/rans.h"

namespace tidemill {
namespace {

// Of the two states, so that the next gap need not wait for a value.
constexpr size_t kValueState = 0;
constexpr size_t kGapState = 1;
constexpr size_t kChunk = 64 * kGroup;  // elements whose masks are at hand at once

// Groups of 64 elements, and in each the elements of every table in turn.
class GroupMasks {
 public:
  GroupMasks(std::span<const uint8_t> by_element, std::span<const uint8_t> tables)
      : by_element_(by_element), tables_(tables), masks_(64 * tables.size()), counts_(64 * tables.size()) {}

  // Calls `call(first element, masks, counts)` for each group.
  template <typename Call>
  void for_each(Call&& call) {
    for (size_t begin = 0; begin < by_element_.size(); begin += kChunk) {
      const size_t end = std::min(begin + kChunk, by_element_.size());
      match_bytes(by_element_.subspan(begin, end - begin), tables_, masks_.data(), counts_.data());
      for (size_t at = begin, index = 0; at < end; at += kGroup, index += tables_.size()) {
        call(at, masks_.data() + index, counts_.data() + index);
      }
    }
  }

 private:
  std::span<const uint8_t> by_element_;
  std::span<const uint8_t> tables_;
  std::vector<uint64_t> masks_;
  std::vector<uint8_t> counts_;
};

// The tables with changes.
struct SparseTables {
  std::vector<uint8_t> numbers;  // which ones; the others below are by index of this
  std::vector<GapCode> gaps;
  std::vector<Frequencies> gap_frequencies;
  std::vector<Frequencies> values;  // of symbol - 1
};

SparseTables write_tables(const ContextChoice& choice, BitWriter& writer) {
  SparseTables tables;
  NumberModel rates;
  NumberModel n_symbols;
  LevelsModel model;
  n_symbols.write(writer, static_cast<uint32_t>(choice.counts.n_symbols));
  int last = 0;
  for (size_t table = 0; table < choice.contexts.n_tables; ++table) {
    const auto counts = choice.counts.of(table);
    uint32_t n_changed = 0;
    for (const uint32_t count : counts.subspan(1)) n_changed += count;
    const int rate = n_changed == 0 ? 0 : rate_of(n_changed, n_changed + counts[0]);
    rates.write(writer, folded(rate - last));
    last = rate;
    if (rate == 0) continue;
    const Levels levels = levels_of(counts.subspan(1));
    model.write(writer, levels);
    tables.numbers.push_back(static_cast<uint8_t>(table));
    tables.gaps.push_back(gap_code(rate));
    tables.gap_frequencies.push_back(gap_frequencies(rate));
    tables.values.push_back(frequencies_of_levels(levels));
  }
  return tables;
}

SparseTables read_tables(const BlockShape& shape, const Contexts& contexts, BitReader& reader) {
  SparseTables tables;
  NumberModel rates;
  NumberModel n_symbols_model;
  LevelsModel model;
  const size_t n_symbols = n_symbols_model.read(reader);
  if (n_symbols < 2 || n_symbols > n_symbols_of(shape.form.n_bytes)) refuse_code("has too many symbols, or none");
  int64_t rate = 0;
  for (size_t table = 0; table < contexts.n_tables; ++table) {
    rate += unfolded(rates.read(reader));
    if (rate < 0 || rate > kMostRate) refuse_code("has a share of changes out of range");
    if (rate == 0) continue;
    tables.numbers.push_back(static_cast<uint8_t>(table));
    tables.gaps.push_back(gap_code(static_cast<int>(rate)));
    tables.gap_frequencies.push_back(gap_frequencies(static_cast<int>(rate)));
    tables.values.push_back(frequencies_of_levels(model.read(reader, n_symbols - 1)));
    if (tables.values.back().empty()) refuse_code("has a table without symbols");
  }
  return tables;
}

// What a decoder will read, in its order: by which table, and a gap or a difference.
struct SparseItem {
  uint32_t table;
  bool is_gap;
  uint64_t value;
};

// The bit of `mask` with so many set bits below it; there is one.
uint64_t select_bit(uint64_t mask, uint32_t n_below) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  uint64_t sums = mask - (mask >> 1 & 0x5555555555555555);
  sums = (sums & 0x3333333333333333) + (sums >> 2 & 0x3333333333333333);
  sums = ((sums + (sums >> 4)) & 0x0F0F0F0F0F0F0F0F) * kOnes;                        // set bits up to each byte's end
  const uint64_t passed = ((n_below * kOnes | 0x80 * kOnes) - sums) & 0x80 * kOnes;  // bytes that end before it
  const auto place = static_cast<int>((passed >> 7) * kOnes >> 56) * 8;
  n_below -= static_cast<uint32_t>(place == 0 ? 0 : sums >> (place - 8) & 0xFF);
  uint64_t rest = mask >> place << place;
  for (; n_below > 0; --n_below) rest &= rest - 1;
  return rest & (0 - rest);
}

uint64_t count_bits(uint64_t mask) {
  mask -= mask >> 1 & 0x5555555555555555;
  mask = (mask & 0x3333333333333333) + (mask >> 2 & 0x3333333333333333);
  return ((mask + (mask >> 4)) & 0x0F0F0F0F0F0F0F0F) * 0x0101010101010101 >> 56;
}

std::vector<SparseItem> items_of(const BlockShape& shape, std::span<const uint8_t> by_element,
                                 std::span<const uint8_t> numbers, std::span<const uint8_t> symbols,
                                 const std::byte* base, const std::byte* tuned) {
  std::vector<uint64_t> changed((symbols.size() + kGroup - 1) / kGroup);
  mark_from(symbols, 1, changed.data());
  std::vector<SparseItem> items;
  for (uint32_t table = 0; table < numbers.size(); ++table) items.push_back({table, true, 0});
  std::vector<size_t> last_gap(numbers.size());  // its item, whose value is known once the next change is
  for (size_t table = 0; table < numbers.size(); ++table) last_gap[table] = table;
  std::vector<uint64_t> since(numbers.size());  // elements since the last change, of whole groups
  GroupMasks(by_element, numbers).for_each([&](size_t first, const uint64_t* masks, const uint8_t* counts) {
    for (uint32_t table = 0; table < numbers.size(); ++table) {
      uint64_t mask = masks[table];
      uint64_t hits = mask & changed[first / kGroup];
      if (hits == 0) {
        since[table] += counts[table];
        continue;
      }
      for (; hits != 0; hits &= hits - 1) {
        const uint64_t hit = hits & (0 - hits);
        items[last_gap[table]].value = since[table] + count_bits(mask & (hit - 1));
        since[table] = 0;
        mask &= ~(hit | (hit - 1));
        const size_t index = first + static_cast<size_t>(std::countr_zero(hit));
        items.push_back({table, false, folded_difference(shape.form, base, tuned, index)});
        last_gap[table] = items.size();
        items.push_back({table, true, 0});
      }
      since[table] = count_bits(mask);
    }
  });
  for (size_t table = 0; table < numbers.size(); ++table) items[last_gap[table]].value = since[table];
  return items;
}

constexpr int kMostBitsAtOnce = 15;

void write_bits(RansWriter& writer, size_t state, uint64_t value, int n_bits) {
  // The reader takes the lowest ones first.
  for (int left = n_bits; left > 0;) {
    const int n = left % kMostBitsAtOnce == 0 ? kMostBitsAtOnce : left % kMostBitsAtOnce;
    left -= n;
    writer.bits(state, static_cast<uint32_t>(value >> left) & ((1u << n) - 1), n);
  }
}

uint64_t read_bits(RansReader& reader, size_t state, int n_bits) {
  uint64_t value = 0;
  for (int done = 0; done < n_bits;) {
    const int n = std::min(kMostBitsAtOnce, n_bits - done);
    value |= uint64_t{reader.bits(state, n)} << done;
    done += n;
  }
  return value;
}

}  // namespace

void encode_sparse(const BlockShape& shape, const ContextChoice& choice, std::span<const uint8_t> symbols,
                   const std::byte* base, const std::byte* tuned, std::vector<std::byte>& code) {
  std::vector<std::byte> part;
  BitWriter writer(part);
  write_contexts(writer, shape, choice.contexts);
  const SparseTables tables = write_tables(choice, writer);
  writer.finish();
  append_part(code, part);

  Buffer<uint8_t> by_element(shape.n_elements);
  fill_tables(choice.contexts, shape, choice.distances, by_element);
  const auto items = items_of(shape, by_element, tables.numbers, symbols, base, tuned);
  std::vector<std::vector<RansSymbol>> gap_symbols;
  std::vector<std::vector<RansSymbol>> value_symbols;
  for (const Frequencies& frequencies : tables.gap_frequencies) gap_symbols.push_back(rans_symbols(frequencies));
  for (const Frequencies& frequencies : tables.values) value_symbols.push_back(rans_symbols(frequencies));
  RansWriter rans(2);
  for (size_t index = items.size(); index-- > 0;) {
    const SparseItem& item = items[index];
    if (item.is_gap) {
      const int n_low = tables.gaps[item.table].n_low_bits;
      write_bits(rans, kGapState, item.value & ((uint64_t{1} << n_low) - 1), n_low);
      const uint64_t high = item.value >> n_low;
      rans.symbol(kGapState, gap_symbols[item.table][high % kGapEscape]);
      for (uint64_t n = high / kGapEscape; n > 0; --n) rans.symbol(kGapState, gap_symbols[item.table][kGapEscape]);
    } else {
      const uint32_t symbol = symbol_of(item.value);
      write_bits(rans, kValueState, item.value - least_of(symbol), n_bits_after(symbol));
      rans.symbol(kValueState, value_symbols[item.table][symbol - 1]);
    }
  }
  rans.finish(code);
}

namespace {

// The decoder's tables and states.
class SparseReader {
 public:
  SparseReader(const SparseTables& tables, uint64_t n_elements, std::span<const std::byte> code)
      : tables_(tables), n_elements_(n_elements), rans_(code, 2), slots_(2 * tables.numbers.size() * kTableSize) {
    for (size_t table = 0; table < tables.numbers.size(); ++table) {
      fill_rans_table(tables.values[table], slots(table, kValueState));
      fill_rans_table(tables.gap_frequencies[table], slots(table, kGapState));
    }
  }

  uint64_t gap(size_t table) {
    const int n_low = tables_.gaps[table].n_low_bits;
    uint64_t high = 0;
    while (true) {
      const uint32_t symbol = rans_.symbol(kGapState, slots(table, kGapState));
      high += symbol;
      if (symbol != kGapEscape) break;
      if (high > n_elements_) refuse_code("has a gap longer than the block");
    }
    return (high << n_low) + read_bits(rans_, kGapState, n_low);
  }

  uint64_t difference(size_t table) {
    const uint32_t symbol = rans_.symbol(kValueState, slots(table, kValueState)) + 1;
    return least_of(symbol) + read_bits(rans_, kValueState, n_bits_after(symbol));
  }

  void finish() const { rans_.finish(); }

 private:
  uint32_t* slots(size_t table, size_t state) { return slots_.data() + (2 * table + state) * kTableSize; }

  const SparseTables& tables_;
  uint64_t n_elements_;
  RansReader rans_;
  std::vector<uint32_t> slots_;
};

}  // namespace

void decode_sparse(const BlockShape& shape, const std::byte* base, std::span<const std::byte> code, std::byte* out) {
  BitReader bits(take_part(code));
  const Contexts contexts = read_contexts(bits, shape);
  const SparseTables tables = read_tables(shape, contexts, bits);
  Buffer<uint8_t> by_element(shape.n_elements);
  scan_exponents(shape.form, base, contexts.top, by_element);
  fill_tables(contexts, shape, by_element, by_element);
  std::memcpy(out, base, shape.n_elements * shape.form.n_bytes);
  SparseReader reader(tables, shape.n_elements, code);
  const size_t n_tables = tables.numbers.size();
  std::vector<uint64_t> left(n_tables);  // unchanged elements before the next change
  for (size_t table = 0; table < n_tables; ++table) left[table] = reader.gap(table);
  GroupMasks(by_element, tables.numbers).for_each([&](size_t first, const uint64_t* masks, const uint8_t* counts) {
    for (size_t table = 0; table < n_tables; ++table) {
      uint64_t n = counts[table];
      uint64_t mask = masks[table];
      while (left[table] < n) {
        const uint64_t hit = select_bit(mask, static_cast<uint32_t>(left[table]));
        mask &= ~(hit | (hit - 1));
        n -= left[table] + 1;
        const size_t index = first + static_cast<size_t>(std::countr_zero(hit));
        add_folded(shape.form, base, reader.difference(table), out, index);
        left[table] = reader.gap(table);
      }
      left[table] -= n;
    }
  });
  reader.finish();
}

}  // namespace tidemill
