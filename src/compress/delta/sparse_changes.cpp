// Both ways go through groups of 64 elements as masks, with the instructions of the machine at hand: one that finds the
// n-th set bit (PDEP) takes the place of a dozen.
#include "compress/delta/sparse_changes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "compress/delta/bad_code.h"
#include "compress/delta/buffer.h"
#include "compress/delta/rans.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compress/delta/sparse_changes.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#ifndef TIDEMILL_SPARSE_CHANGES_ONCE
#define TIDEMILL_SPARSE_CHANGES_ONCE

namespace tidemill {
namespace {

constexpr int kMostBitsAtOnce = 15;

// A table as it is written with.
struct WrittenTable {
  WrittenTable(int n_low, const Frequencies& of_gaps, const Frequencies& of_values)
      : n_low_bits(n_low), gaps(rans_symbols(of_gaps)), values(rans_symbols(of_values)) {}

  int n_low_bits;
  std::vector<RansSymbol> gaps;
  std::vector<RansSymbol> values;  // of symbol - 1
};

// And as it is read with.
struct ReadTable {
  ReadTable(int n_low, const Frequencies& of_gaps, const Frequencies& of_values)
      : n_low_bits(n_low), gaps(of_gaps), values(of_values) {}

  int n_low_bits;
  RansTable gaps;
  RansTable values;
};

template <typename Table>
std::vector<Table> tables_of(const SparseTables& tables) {
  std::vector<Table> made;
  made.reserve(tables.numbers.size());
  for (size_t table = 0; table < tables.numbers.size(); ++table)
    made.emplace_back(tables.gaps[table].n_low_bits, tables.gap_frequencies[table], tables.values[table]);
  return made;
}

// Writer and reader have two states, so that the next gap need not wait for a value.  All they do is made part of the
// loops that use them, so that states need not go through memory.

// What is written last is read first.
class ChangeWriter {
 public:
  HWY_INLINE ChangeWriter(const std::vector<WrittenTable>& tables, uint16_t* words)
      : tables_(tables.data()), words_(words), next_(words) {}

  // Words that so many changes may give: a symbol gives one at most, and so do 15 bits; those of a gap are no more than
  // 18, those of a difference 62.  There is a gap more for each table, and the escapes of a table's gaps are no more
  // than its elements can fill.
  static size_t most_words(size_t n_changes, size_t n_tables, size_t n_elements) {
    return 9 * (n_changes + n_tables) + n_elements / kGapEscape + 1;
  }

  HWY_INLINE void gap(size_t table, uint64_t value) {
    const int n_low = tables_[table].n_low_bits;
    bits(gap_, value & ((uint64_t{1} << n_low) - 1), n_low);
    const uint64_t high = value >> n_low;
    const RansSymbol* const symbols = tables_[table].gaps.data();
    symbol(gap_, symbols[high < kGapEscape ? high : high % kGapEscape]);
    for (uint64_t left = high; left >= kGapEscape; left -= kGapEscape) symbol(gap_, symbols[kGapEscape]);
  }

  // `folded()` is the difference, and is asked for where bits of it follow the symbol.
  template <typename Folded>
  HWY_INLINE void difference(size_t table, uint32_t symbol_of_it, Folded&& folded) {
    if (symbol_of_it >= kDirectSymbols) bits(value_, folded() - least_of(symbol_of_it), n_bits_after(symbol_of_it));
    symbol(value_, tables_[table].values[symbol_of_it - 1]);
  }

  void finish(std::vector<std::byte>& code) { append_rans(std::array{value_, gap_}, std::span(words_, next_), code); }

 private:
  // What is left of x once it has given its low word, if it does: 1 or 0.
  HWY_INLINE uint32_t given(uint32_t x, uint32_t gives) {
    *next_ = static_cast<uint16_t>(x);  // counts only if it is given
    next_ += gives;
    return x >> 16 * gives;
  }

  HWY_INLINE void symbol(uint32_t& state, const RansSymbol& symbol) {
    state = symbol.changed(given(state, state >= symbol.limit ? 1 : 0));
  }

  // The reader takes the lowest ones first.
  HWY_INLINE void bits(uint32_t& state, uint64_t value, int n_bits) {
    int left = n_bits;
    while (left > kMostBitsAtOnce) {
      const int n = (left - 1) % kMostBitsAtOnce + 1;
      left -= n;
      few_bits(state, static_cast<uint32_t>(value >> left) & ((1u << n) - 1), n);
    }
    few_bits(state, static_cast<uint32_t>(value) & ((1u << left) - 1), left);
  }
  HWY_INLINE void few_bits(uint32_t& state, uint32_t value, int n_bits) {
    state = given(state, state >= uint32_t{1} << (31 - n_bits) ? 1 : 0) << n_bits | value;
  }

  const WrittenTable* tables_;
  uint16_t* words_;
  uint16_t* next_;
  uint32_t value_ = kRansLow;
  uint32_t gap_ = kRansLow;
};

class ChangeReader {
 public:
  HWY_INLINE ChangeReader(const std::vector<ReadTable>& tables, uint64_t n_elements, std::span<const std::byte> code)
      : tables_(tables.data()),
        n_elements_(n_elements),
        value_(first_state(code)),
        gap_(first_state(code)),
        words_(code.data()),
        end_(code.data() + code.size()) {}

  HWY_INLINE uint64_t gap(size_t table) {
    const ReadTable& of = tables_[table];
    uint64_t high = symbol(gap_, of.gaps);
    for (uint64_t last = high; last == kGapEscape; high += last) {
      if (high > n_elements_) refuse_code("has a gap longer than the block");
      last = symbol(gap_, of.gaps);
    }
    return (high << of.n_low_bits) + bits(gap_, of.n_low_bits);
  }

  HWY_INLINE uint64_t difference(size_t table) {
    const uint32_t symbol_of_it = symbol(value_, tables_[table].values) + 1;
    if (symbol_of_it < kDirectSymbols) return symbol_of_it;
    return least_of(symbol_of_it) + bits(value_, n_bits_after(symbol_of_it));
  }

  // Throws Error bad_file unless all was read and the states are those of a writer's start.
  HWY_INLINE void finish() const {
    if (value_ != kRansLow || gap_ != kRansLow || words_ != end_) refuse_code("does not end as it should");
  }

 private:
  static HWY_INLINE uint32_t first_state(std::span<const std::byte>& code) {
    uint32_t state = 0;
    std::memcpy(&state, take_bytes(code, sizeof(state)).data(), sizeof(state));
    if (state < kRansLow || state >> 31 != 0) refuse_code("begins with a state out of range");
    return state;
  }

  HWY_INLINE uint32_t symbol(uint32_t& state, const RansTable& table) {
    const uint32_t slot = state % kTableSize;
    const uint8_t symbol = table.symbol(slot);
    const RansShare share = table.share(symbol);
    state = filled(share.frequency * (state >> kTableBits) + slot - share.start);
    return symbol;
  }

  HWY_INLINE uint64_t bits(uint32_t& state, int n_bits) {
    uint64_t value = 0;
    int done = 0;
    for (; done + kMostBitsAtOnce < n_bits; done += kMostBitsAtOnce) value |= few_bits(state, kMostBitsAtOnce) << done;
    return value | few_bits(state, n_bits - done) << done;
  }
  HWY_INLINE uint64_t few_bits(uint32_t& state, int n_bits) {
    const uint32_t x = state;
    state = filled(x >> n_bits);
    return x & ((1u << n_bits) - 1);
  }

  HWY_INLINE uint32_t filled(uint32_t x) {
    const auto takes = static_cast<uint32_t>(x < kRansLow);
    uint16_t word = 0;
    if (end_ - words_ >= 2) {
      std::memcpy(&word, words_, sizeof(word));
    } else if (takes != 0) {
      refuse_code("ends early");
    }
    words_ += sizeof(word) * takes;
    return with_word(x, word, takes);
  }

  const ReadTable* tables_;
  uint64_t n_elements_;
  uint32_t value_;
  uint32_t gap_;
  const std::byte* words_;
  const std::byte* end_;
};

// The library's memcpy: compilers put a slower loop in its place in functions for one set of instructions.
[[gnu::noinline]] void copy_bytes(const std::byte* from, size_t n, std::byte* to) {
  std::memcpy(to, from, n);
}

// kWithout[bit][place]: all ones where the place has no such bit.
constexpr size_t kMostPlanes = 6;
constexpr auto kWithout = [] {
  std::array<std::array<uint64_t, kMostTables>, kMostPlanes> patterns{};
  for (size_t bit = 0; bit < kMostPlanes; ++bit) {
    for (size_t place = 0; place < kMostTables; ++place) patterns[bit][place] = (place >> bit & 1) - uint64_t{1};
  }
  return patterns;
}();

// A change as it is written.
struct Change {
  uint32_t gap;    // to the one behind it
  uint32_t index;  // of the element
  uint8_t table;
  uint8_t symbol;
};

}  // namespace
}  // namespace tidemill

#endif

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// The bit of `mask` with so many set bits below it; there is one.
HWY_INLINE uint64_t select_bit(uint64_t mask, uint64_t n_below) {
#if HWY_TARGET <= HWY_AVX2
  return _pdep_u64(uint64_t{1} << n_below, mask);
#else
  constexpr uint64_t kOnes = 0x0101010101010101;
  uint64_t sums = mask - (mask >> 1 & 0x5555555555555555);
  sums = (sums & 0x3333333333333333) + (sums >> 2 & 0x3333333333333333);
  sums = ((sums + (sums >> 4)) & 0x0F0F0F0F0F0F0F0F) * kOnes;                        // set bits up to each byte's end
  const uint64_t passed = ((n_below * kOnes | 0x80 * kOnes) - sums) & 0x80 * kOnes;  // bytes that end before it
  const auto place = static_cast<int>((passed >> 7) * kOnes >> 56) * 8;
  n_below -= place == 0 ? 0 : sums >> (place - 8) & 0xFF;
  uint64_t rest = mask >> place << place;
  for (; n_below > 0; --n_below) rest &= rest - 1;
  return rest & (0 - rest);
#endif
}

// Goes over groups of 64 elements: which of them are of each table, and how many of each were met so far.  Of a group's
// places six bits are masks of their own, and what they have in common with a table's number is the table's mask: the
// work grows with the bits of the number of tables, not with their number.
class TableGroups {
 public:
  explicit TableGroups(const SparseElements& elements, size_t n_tables)
      : elements_(elements), n_tables_(n_tables), is_few_(n_tables < 16) {}

  size_t n_groups() const { return n_groups_of(elements_.n); }

  // The elements of a table in the group that was taken last, and of all groups that were.
  uint64_t mask(size_t table) const { return masks_[table]; }
  uint64_t n_met(size_t table) const { return n_met_[table]; }

  // Returns the bits of the tables of which more elements were met than `limits` says, [kMostTables].
  HWY_INLINE uint64_t take(size_t group, const int64_t* limits) {
    const size_t n_here = elements_.n - group * kGroup;
    const uint64_t valid = n_here < kGroup ? (uint64_t{1} << n_here) - 1 : ~uint64_t{0};
    const uint8_t* const places = elements_.places + group * kGroup;
    return is_few_ ? take_with<4>(places, valid, limits) : take_with<kMostPlanes>(places, valid, limits);
  }

 private:
  static constexpr hn::CappedTag<uint64_t, 8> kMasks{};
  static constexpr hn::RebindToSigned<decltype(kMasks)> kCounts{};

  template <size_t kPlanes>
  HWY_INLINE uint64_t take_with(const uint8_t* places, uint64_t valid, const int64_t* limits) {
    std::array<uint64_t, kPlanes> planes{};
    const hn::CappedTag<uint8_t, kGroup> d;
    for (size_t lane = 0; lane < kGroup; lane += hn::Lanes(d)) {
      const auto held = hn::LoadU(d, places + lane);
#pragma GCC unroll 6
      for (size_t bit = 0; bit < kPlanes; ++bit) {
        uint8_t bits[8] = {};
        hn::StoreMaskBits(d, hn::TestBit(held, hn::Set(d, static_cast<uint8_t>(1 << bit))), bits);
        uint64_t some;
        std::memcpy(&some, bits, sizeof(some));
        planes[bit] |= some << lane;
      }
    }
    uint64_t passed = 0;
    for (size_t table = 0; table < n_tables_; table += hn::Lanes(kMasks)) {
      auto mask = hn::Set(kMasks, valid);
#pragma GCC unroll 6
      for (size_t bit = 0; bit < kPlanes; ++bit)
        mask = hn::And(mask, hn::Xor(hn::Set(kMasks, planes[bit]), hn::LoadU(kMasks, kWithout[bit].data() + table)));
      hn::StoreU(mask, kMasks, masks_.data() + table);
      const auto n_met = hn::Add(hn::LoadU(kMasks, n_met_.data() + table), hn::PopulationCount(mask));
      hn::StoreU(n_met, kMasks, n_met_.data() + table);
      if (limits == nullptr) continue;
      uint8_t bits[8] = {};
      hn::StoreMaskBits(kCounts, hn::Gt(hn::BitCast(kCounts, n_met), hn::LoadU(kCounts, limits + table)), bits);
      uint64_t some;
      std::memcpy(&some, bits, sizeof(some));
      passed |= some << table;
    }
    return passed;
  }

  const SparseElements elements_;
  size_t n_tables_;
  bool is_few_;
  std::array<uint64_t, kMostTables> masks_;
  std::array<uint64_t, kMostTables> n_met_{};
};

// All changes from the last one on, and what is left before the first one of each table.
class ChangesFromEnd {
 public:
  ChangesFromEnd(const SparseElements& elements, size_t n_tables, const ChangeList& changes)
      : places_(elements.places), changes_(changes), groups_(elements, n_tables) {}

  // Calls `write(change)`.
  template <typename Write>
  HWY_INLINE void for_each(Write&& write) {
    const uint64_t* const masks = changes_.of.masks.data();
    const uint32_t* index = changes_.indices.data() + changes_.indices.size();
    const uint8_t* symbol = changes_.symbols.data() + changes_.symbols.size();
    std::array<uint32_t, kGroup> keys;
    for (size_t group = groups_.n_groups(); group-- > 0;) {
      groups_.take(group, nullptr);
      const size_t n_here = hwy::PopCount(masks[group]);
      // In the order of tables, and of elements in them, from the end.
      for (size_t k = 0; k < n_here; ++k) {
        --index, --symbol;
        const uint32_t key = uint32_t{places_[*index]} << 16 | (*index % kGroup) << 8 | *symbol;
        size_t at = k;
        for (; at > 0 && keys[at - 1] < key; --at) keys[at] = keys[at - 1];
        keys[at] = key;
      }
      for (size_t k = 0; k < n_here; ++k) {
        const size_t table = keys[k] >> 16, place = keys[k] >> 8 & 0xFF;
        const uint64_t before = groups_.mask(table) & ((uint64_t{1} << place) - 1);
        const uint64_t n_met = groups_.n_met(table) - hwy::PopCount(before);  // this element, too
        write(Change{static_cast<uint32_t>(n_met - n_done_[table] - 1), static_cast<uint32_t>(group * kGroup + place),
                     static_cast<uint8_t>(table), static_cast<uint8_t>(keys[k])});
        n_done_[table] = n_met;
      }
    }
  }

  uint64_t n_left(size_t table) const { return groups_.n_met(table) - n_done_[table]; }

 private:
  const uint8_t* places_;
  const ChangeList& changes_;
  TableGroups groups_;
  std::array<uint64_t, kMostTables> n_done_{};  // elements from the last change that was written to the end
};

template <typename Unsigned>
void write_changes_of(const SparseTables& tables, const SparseElements& elements, const ChangeList& list,
                      const std::byte* tuned, std::vector<std::byte>& code) {
  // First all of them: what a state waits for is long, and guesses that were wrong would come on top of it.
  Buffer<Change> changes(list.indices.size());
  Change* next = changes.data();
  ChangesFromEnd from_end(elements, tables.numbers.size(), list);
  from_end.for_each([&](const Change& change) HWY_ATTR { *next++ = change; });
  const auto written = tables_of<WrittenTable>(tables);
  Buffer<uint16_t> words(ChangeWriter::most_words(changes.size(), written.size(), elements.n));
  ChangeWriter writer(written, words.data());
  for (const Change& change : std::span<const Change>(changes)) {
    writer.gap(change.table, change.gap);
    writer.difference(change.table, change.symbol,
                      [&]() HWY_ATTR { return folded_difference<Unsigned>(elements.base, tuned, change.index); });
  }
  for (size_t table = tables.numbers.size(); table-- > 0;) writer.gap(table, from_end.n_left(table));
  writer.finish(code);
}

template <typename Unsigned>
void read_changes_of(const SparseTables& tables, const SparseElements& elements, std::span<const std::byte> code,
                     std::byte* out) {
  constexpr size_t kGroupsAtOnce = 64;  // whose elements are copied from the base, and are at hand then
  const auto read = tables_of<ReadTable>(tables);
  ChangeReader reader(read, elements.n, code);
  const size_t n_tables = read.size();
  std::array<int64_t, kMostTables> next;  // of each table, which of its elements changes next
  next.fill(INT64_MAX);
  for (size_t table = 0; table < n_tables; ++table) next[table] = static_cast<int64_t>(reader.gap(table));
  TableGroups groups(elements, n_tables);
  for (size_t group = 0; group < groups.n_groups(); ++group) {
    if (group % kGroupsAtOnce == 0) {
      const size_t begin = group * kGroup;
      const size_t n = std::min(kGroupsAtOnce * kGroup, elements.n - begin);
      copy_bytes(elements.base + begin * sizeof(Unsigned), n * sizeof(Unsigned), out + begin * sizeof(Unsigned));
    }
    // What is written next comes from memory while changes are read.
    if (group + kGroupsAtOnce + 1 < groups.n_groups()) {
      const std::byte* const ahead = out + (group + kGroupsAtOnce) * kGroup * sizeof(Unsigned);
      for (size_t line = 0; line < sizeof(Unsigned); ++line) __builtin_prefetch(ahead + line * 64, 1);
    }
    for (uint64_t passed = groups.take(group, next.data()); passed != 0; passed &= passed - 1) {
      const size_t table = hwy::Num0BitsBelowLS1Bit_Nonzero64(passed);
      const uint64_t mask = groups.mask(table);
      const auto n_met = static_cast<int64_t>(groups.n_met(table));
      const int64_t n_before = n_met - static_cast<int64_t>(hwy::PopCount(mask));
      int64_t element = next[table];
      do {
        const uint64_t hit = select_bit(mask, static_cast<uint64_t>(element - n_before));
        const size_t index = group * kGroup + hwy::Num0BitsBelowLS1Bit_Nonzero64(hit);
        add_folded<Unsigned>(elements.base, reader.difference(table), out, index);
        element += 1 + static_cast<int64_t>(reader.gap(table));
      } while (element < n_met);
      next[table] = element;
    }
  }
  reader.finish();
}

void write_changes(const SparseTables& tables, const SparseElements& elements, const ChangeList& changes,
                   const std::byte* tuned, std::vector<std::byte>& code) {
  with_width(elements.form.n_bytes,
             [&](auto width) HWY_ATTR { write_changes_of<decltype(width)>(tables, elements, changes, tuned, code); });
}

void read_changes(const SparseTables& tables, const SparseElements& elements, std::span<const std::byte> code,
                  std::byte* out) {
  with_width(elements.form.n_bytes,
             [&](auto width) HWY_ATTR { read_changes_of<decltype(width)>(tables, elements, code, out); });
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(write_changes);
HWY_EXPORT(read_changes);

void write_changes(const SparseTables& tables, const SparseElements& elements, const ChangeList& changes,
                   const std::byte* tuned, std::vector<std::byte>& code) {
  HWY_DYNAMIC_DISPATCH(write_changes)(tables, elements, changes, tuned, code);
}

void read_changes(const SparseTables& tables, const SparseElements& elements, std::span<const std::byte> code,
                  std::byte* out) {
  HWY_DYNAMIC_DISPATCH(read_changes)(tables, elements, code, out);
}

}  // namespace tidemill

#endif
