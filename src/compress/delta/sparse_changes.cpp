// Both ways go through groups of 64 elements as masks, with the instructions of the machine at hand: one that finds the
// n-th set bit (PDEP) takes the place of a dozen.
#include "compress/delta/sparse_changes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <type_traits>

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

// Of the two states, so that the next gap need not wait for a value.
constexpr size_t kValueState = 0;
constexpr size_t kGapState = 1;
constexpr size_t kStates = 2;

constexpr int kMostBitsAtOnce = 15;

inline void write_bits(RansWriter<kStates>& writer, size_t state, uint64_t value, int n_bits) {
  // The reader takes the lowest ones first.
  for (int left = n_bits; left > 0;) {
    const int n = left % kMostBitsAtOnce == 0 ? kMostBitsAtOnce : left % kMostBitsAtOnce;
    left -= n;
    writer.bits(state, static_cast<uint32_t>(value >> left) & ((1u << n) - 1), n);
  }
}

inline uint64_t read_bits(RansReader<kStates>& reader, size_t state, int n_bits) {
  uint64_t value = 0;
  for (int done = 0; done < n_bits;) {
    const int n = std::min(kMostBitsAtOnce, n_bits - done);
    value |= uint64_t{reader.bits(state, n)} << done;
    done += n;
  }
  return value;
}

// The encoder's tables and states: what is written last is read first.
class ChangeWriter {
 public:
  explicit ChangeWriter(const SparseTables& tables) : tables_(tables) {
    for (const Frequencies& frequencies : tables.gap_frequencies) gap_symbols_.push_back(rans_symbols(frequencies));
    for (const Frequencies& frequencies : tables.values) value_symbols_.push_back(rans_symbols(frequencies));
  }

  void gap(size_t table, uint64_t value) {
    const int n_low = tables_.gaps[table].n_low_bits;
    write_bits(rans_, kGapState, value & ((uint64_t{1} << n_low) - 1), n_low);
    const uint64_t high = value >> n_low;
    const std::vector<RansSymbol>& symbols = gap_symbols_[table];
    rans_.symbol(kGapState, symbols[high % kGapEscape]);
    for (uint64_t n = high / kGapEscape; n > 0; --n) rans_.symbol(kGapState, symbols[kGapEscape]);
  }

  void difference(size_t table, uint64_t folded) {
    const uint32_t symbol = symbol_of(folded);
    write_bits(rans_, kValueState, folded - least_of(symbol), n_bits_after(symbol));
    rans_.symbol(kValueState, value_symbols_[table][symbol - 1]);
  }

  void finish(std::vector<std::byte>& code) const { rans_.finish(code); }

 private:
  const SparseTables& tables_;
  std::vector<std::vector<RansSymbol>> gap_symbols_;
  std::vector<std::vector<RansSymbol>> value_symbols_;
  RansWriter<kStates> rans_;
};

// The decoder's.
class ChangeReader {
 public:
  ChangeReader(const SparseTables& tables, uint64_t n_elements, std::span<const std::byte> code)
      : tables_(tables),
        n_elements_(n_elements),
        rans_(code),
        gaps_(tables.gap_frequencies.begin(), tables.gap_frequencies.end()),
        values_(tables.values.begin(), tables.values.end()) {}

  // Below any number of elements that a gap may be added to or taken from.
  static constexpr uint32_t kNever = 0x7FFFFFFF;

  uint32_t gap(size_t table) {
    const int n_low = tables_.gaps[table].n_low_bits;
    uint64_t high = 0;
    while (true) {
      const uint32_t symbol = rans_.symbol(kGapState, gaps_[table]);
      high += symbol;
      if (symbol != kGapEscape) break;
      if (high > n_elements_) refuse_code("has a gap longer than the block");
    }
    const uint64_t gap = (high << n_low) + read_bits(rans_, kGapState, n_low);
    return static_cast<uint32_t>(std::min<uint64_t>(gap, kNever));
  }

  uint64_t difference(size_t table) {
    const uint32_t symbol = rans_.symbol(kValueState, values_[table]) + 1;
    return least_of(symbol) + read_bits(rans_, kValueState, n_bits_after(symbol));
  }

  void finish() const { rans_.finish(); }

 private:
  const SparseTables& tables_;
  uint64_t n_elements_;
  RansReader<kStates> rans_;
  std::vector<RansTable> gaps_;
  std::vector<RansTable> values_;
};

// The library's memcpy: compilers put a slower loop in its place in functions for one set of instructions.
[[gnu::noinline]] void copy_bytes(const std::byte* from, size_t n, std::byte* to) {
  std::memcpy(to, from, n);
}

// Groups of 64 elements, and in each the elements of every table in turn.
class GroupMasks {
 public:
  static constexpr size_t kElements = 64 * kGroup;  // whose masks are at hand at once
  static constexpr size_t kCountSlack = 16;         // behind the last counts, for whole vectors of them

  GroupMasks(std::span<const uint8_t> by_element, std::span<const uint8_t> tables)
      : by_element_(by_element),
        tables_(tables),
        masks_(64 * tables.size()),
        counts_(64 * tables.size() + kCountSlack) {}

  size_t n_chunks() const { return (by_element_.size() + kElements - 1) / kElements; }
  size_t n_elements(size_t chunk) const { return std::min(kElements, by_element_.size() - chunk * kElements); }
  size_t n_groups(size_t chunk) const { return (n_elements(chunk) + kGroup - 1) / kGroup; }

  void take(size_t chunk) {
    match_bytes(by_element_.subspan(chunk * kElements, n_elements(chunk)), tables_, masks_.data(), counts_.data());
  }
  const uint64_t* masks(size_t group) const { return masks_.data() + group * tables_.size(); }
  const uint8_t* counts(size_t group) const { return counts_.data() + group * tables_.size(); }

 private:
  std::span<const uint8_t> by_element_;
  std::span<const uint8_t> tables_;
  std::vector<uint64_t> masks_;
  std::vector<uint8_t> counts_;
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

// Element `index` of base and tuned as a folded difference.
template <typename Unsigned>
HWY_INLINE uint64_t difference_of(const std::byte* base, const std::byte* tuned, size_t index) {
  Unsigned was, is;
  std::memcpy(&was, base + index * sizeof(was), sizeof(was));
  std::memcpy(&is, tuned + index * sizeof(is), sizeof(is));
  const int64_t wide = static_cast<std::make_signed_t<Unsigned>>(static_cast<Unsigned>(is - was));
  return static_cast<uint64_t>(wide) << 1 ^ static_cast<uint64_t>(wide >> 63);
}

// Room for whole vectors of tables.
constexpr size_t kMostTables = 64;
using Gaps = std::array<uint32_t, kMostTables>;

// The bits of the tables that have one of the elements `changed`, given their masks of a group.
HWY_INLINE uint64_t tables_of(uint64_t changed, const uint64_t* masks, size_t n_tables) {
  uint64_t some = 0;
  size_t table = 0;
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  const hn::CappedTag<uint64_t, 8> d;
  for (; table + hn::Lanes(d) <= n_tables; table += hn::Lanes(d)) {
    const auto common = hn::And(hn::LoadU(d, masks + table), hn::Set(d, changed));
    some |= uint64_t{hn::Not(hn::Eq(common, hn::Zero(d))).raw} << table;
  }
#endif
  for (; table < n_tables; ++table) some |= uint64_t{(masks[table] & changed) != 0} << table;
  return some;
}

// gaps[k] += counts[k]
HWY_INLINE void add_counts(const uint8_t* counts, size_t n_tables, Gaps& gaps) {
#if HWY_TARGET == HWY_SCALAR
  for (size_t table = 0; table < n_tables; ++table) gaps[table] += counts[table];
#else
  const hn::CappedTag<uint32_t, 16> d;
  const hn::Rebind<uint8_t, decltype(d)> bytes_d;
  for (size_t table = 0; table < n_tables; table += hn::Lanes(d)) {
    const auto n = hn::PromoteTo(d, hn::LoadU(bytes_d, counts + table));
    hn::StoreU(hn::Add(hn::LoadU(d, gaps.data() + table), n), d, gaps.data() + table);
  }
#endif
}

// From the last element to the first, as an rANS coder writes.
template <typename Unsigned>
void write_changes_of(const SparseTables& tables, const SparseElements& elements, const uint64_t* changed,
                      const std::byte* tuned, ChangeWriter& writer) {
  const size_t n_tables = tables.numbers.size();
  Gaps gaps{};  // elements of the table from here to the change behind
  GroupMasks groups(elements.by_element, tables.numbers);
  for (size_t chunk = groups.n_chunks(); chunk-- > 0;) {
    groups.take(chunk);
    for (size_t group = groups.n_groups(chunk); group-- > 0;) {
      const size_t first = chunk * GroupMasks::kElements + group * kGroup;
      const uint64_t of_group = changed[first / kGroup];
      const uint64_t* const masks = groups.masks(group);
      add_counts(groups.counts(group), n_tables, gaps);
      if (of_group == 0) continue;
      for (uint64_t some = tables_of(of_group, masks, n_tables); some != 0;) {
        const auto table = static_cast<size_t>(63 - std::countl_zero(some));
        some ^= uint64_t{1} << table;
        uint64_t mask = masks[table];
        uint64_t behind = gaps[table] - groups.counts(group)[table];
        for (uint64_t hits = mask & of_group; hits != 0; hits &= mask) {
          const int place = 63 - std::countl_zero(hits);
          writer.gap(table, behind + hwy::PopCount(mask >> place >> 1));
          behind = 0;
          mask &= (uint64_t{1} << place) - 1;
          const size_t index = first + static_cast<size_t>(place);
          writer.difference(table, difference_of<Unsigned>(elements.base, tuned, index));
        }
        gaps[table] = static_cast<uint32_t>(hwy::PopCount(mask));
      }
    }
  }
  for (size_t table = n_tables; table-- > 0;) writer.gap(table, gaps[table]);
}

void write_changes(const SparseTables& tables, const SparseElements& elements, const uint64_t* changed,
                   const std::byte* tuned, ChangeWriter& writer) {
  switch (elements.form.n_bytes) {
    case 1:
      return write_changes_of<uint8_t>(tables, elements, changed, tuned, writer);
    case 2:
      return write_changes_of<uint16_t>(tables, elements, changed, tuned, writer);
    case 4:
      return write_changes_of<uint32_t>(tables, elements, changed, tuned, writer);
    default:
      return write_changes_of<uint64_t>(tables, elements, changed, tuned, writer);
  }
}

template <typename Unsigned>
HWY_INLINE void add_difference(const std::byte* base, uint64_t folded, std::byte* out, size_t index) {
  Unsigned value;
  std::memcpy(&value, base + index * sizeof(value), sizeof(value));
  value = static_cast<Unsigned>(value + (folded >> 1 ^ (0 - (folded & 1))));
  std::memcpy(out + index * sizeof(value), &value, sizeof(value));
}

// Most tables have no change in a group of 64 elements, so all of them are stepped over it at once and looked at apart
// only where their gap ends in it: gaps[k] -= counts[k]; returns the bits of those that were less.
HWY_INLINE uint64_t step_over(const uint8_t* counts, size_t n_tables, Gaps& gaps) {
#if HWY_TARGET == HWY_SCALAR
  uint64_t ended = 0;
  for (size_t table = 0; table < n_tables; ++table) {
    ended |= uint64_t{gaps[table] < counts[table]} << table;
    gaps[table] -= counts[table];
  }
  return ended;
#else
  const hn::CappedTag<uint32_t, 16> d;
  const hn::Rebind<uint8_t, decltype(d)> bytes_d;
  uint64_t ended = 0;
  for (size_t table = 0; table < n_tables; table += hn::Lanes(d)) {
    const auto n = hn::PromoteTo(d, hn::LoadU(bytes_d, counts + table));
    const auto gap = hn::LoadU(d, gaps.data() + table);
    uint8_t bits[8] = {};
    hn::StoreMaskBits(d, hn::Lt(gap, n), bits);
    uint64_t some;
    std::memcpy(&some, bits, sizeof(some));
    ended |= some << table;
    hn::StoreU(hn::Sub(gap, n), d, gaps.data() + table);
  }
  return ended;
#endif
}

template <typename Unsigned>
void read_changes_of(const SparseTables& tables, const SparseElements& elements, ChangeReader& reader, std::byte* out) {
  const size_t n_tables = tables.numbers.size();
  Gaps gaps;  // unchanged elements before the next change
  gaps.fill(ChangeReader::kNever);
  for (size_t table = 0; table < n_tables; ++table) gaps[table] = reader.gap(table);
  GroupMasks groups(elements.by_element, tables.numbers);
  for (size_t chunk = 0; chunk < groups.n_chunks(); ++chunk) {
    groups.take(chunk);
    const size_t begin = chunk * GroupMasks::kElements;
    copy_bytes(elements.base + begin * sizeof(Unsigned), groups.n_elements(chunk) * sizeof(Unsigned),
               out + begin * sizeof(Unsigned));
    for (size_t group = 0; group < groups.n_groups(chunk); ++group) {
      const size_t first = begin + group * kGroup;
      const uint8_t* const counts = groups.counts(group);
      for (uint64_t ended = step_over(counts, n_tables, gaps); ended != 0; ended &= ended - 1) {
        const auto table = static_cast<size_t>(std::countr_zero(ended));
        uint32_t n = counts[table];
        uint32_t gap = gaps[table] + n;
        uint64_t mask = groups.masks(group)[table];
        do {
          const uint64_t hit = select_bit(mask, gap);
          mask &= ~(hit | (hit - 1));
          n -= gap + 1;
          const size_t index = first + static_cast<size_t>(std::countr_zero(hit));
          add_difference<Unsigned>(elements.base, reader.difference(table), out, index);
          gap = reader.gap(table);
        } while (gap < n);
        gaps[table] = gap - n;
      }
    }
  }
}

void read_changes(const SparseTables& tables, const SparseElements& elements, ChangeReader& reader, std::byte* out) {
  switch (elements.form.n_bytes) {
    case 1:
      return read_changes_of<uint8_t>(tables, elements, reader, out);
    case 2:
      return read_changes_of<uint16_t>(tables, elements, reader, out);
    case 4:
      return read_changes_of<uint32_t>(tables, elements, reader, out);
    default:
      return read_changes_of<uint64_t>(tables, elements, reader, out);
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(write_changes);
HWY_EXPORT(read_changes);

void write_changes(const SparseTables& tables, const SparseElements& elements, std::span<const uint8_t> symbols,
                   const std::byte* tuned, std::vector<std::byte>& code) {
  Buffer<uint64_t> changed((symbols.size() + kGroup - 1) / kGroup);
  mark_from(symbols, 1, changed.data());
  ChangeWriter writer(tables);
  HWY_DYNAMIC_DISPATCH(write_changes)(tables, elements, changed.data(), tuned, writer);
  writer.finish(code);
}

void read_changes(const SparseTables& tables, const SparseElements& elements, std::span<const std::byte> code,
                  std::byte* out) {
  ChangeReader reader(tables, elements.by_element.size(), code);
  HWY_DYNAMIC_DISPATCH(read_changes)(tables, elements, reader, out);
  reader.finish();
}

}  // namespace tidemill

#endif
