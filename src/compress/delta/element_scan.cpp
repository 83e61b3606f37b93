#include "compress/delta/element_scan.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compress/delta/element_scan.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Plain loops over elements: the compiler makes vectors of each target out of them.

template <typename Unsigned>
HWY_INLINE Unsigned element(const std::byte* elements, size_t index) {
  Unsigned value;
  std::memcpy(&value, elements + index * sizeof(Unsigned), sizeof(Unsigned));
  return value;
}

template <typename Unsigned>
HWY_INLINE Unsigned folded(Unsigned base, Unsigned tuned) {
  const auto difference = static_cast<Unsigned>(tuned - base);
  const auto sign =
      static_cast<Unsigned>(static_cast<std::make_signed_t<Unsigned>>(difference) >> (8 * sizeof(Unsigned) - 1));
  return static_cast<Unsigned>(static_cast<Unsigned>(difference << 1) ^ sign);
}

// symbol_of of up to 16 bits without branches: a float's exponent and first bit are the two leading bits, and what they
// give for a number below 16 is no less than the number.
HWY_INLINE uint8_t short_symbol(uint16_t value) {
  const auto bits = std::bit_cast<uint32_t>(static_cast<float>(static_cast<int32_t>(value)));
  return static_cast<uint8_t>(std::min<uint32_t>(value, (bits >> 22) - 246));
}

template <typename Unsigned>
void symbols_loop(const std::byte* base, const std::byte* tuned, size_t n, uint8_t* symbols) {
  for (size_t index = 0; index < n; ++index) {
    const Unsigned value = folded(element<Unsigned>(base, index), element<Unsigned>(tuned, index));
    if constexpr (sizeof(Unsigned) <= 2) {
      symbols[index] = short_symbol(value);
    } else {
      symbols[index] = static_cast<uint8_t>(symbol_of(value));
    }
  }
}

template <typename Unsigned>
void exponents_loop(const std::byte* base, int shift, uint32_t mask, uint32_t top, size_t n, uint8_t* below) {
  for (size_t index = 0; index < n; ++index) {
    const auto exponent = static_cast<int32_t>(static_cast<uint32_t>(element<Unsigned>(base, index) >> shift) & mask);
    const int32_t distance = static_cast<int32_t>(top) - exponent;
    below[index] = static_cast<uint8_t>(distance < 0 ? 0 : distance > 15 ? 15 : distance);
  }
}

template <typename Unsigned>
void add_loop(const std::byte* base, const uint8_t* symbols, size_t n, std::byte* out) {
  for (size_t index = 0; index < n; ++index) {
    const Unsigned value = symbols[index];
    const auto difference = static_cast<Unsigned>((value >> 1) ^ static_cast<Unsigned>(0 - (value & 1)));
    const auto sum = static_cast<Unsigned>(element<Unsigned>(base, index) + difference);
    std::memcpy(out + index * sizeof(Unsigned), &sum, sizeof(sum));
  }
}

void scan_symbols(size_t n_bytes, const std::byte* base, const std::byte* tuned, size_t n, uint8_t* symbols) {
  switch (n_bytes) {
    case 1:
      return symbols_loop<uint8_t>(base, tuned, n, symbols);
    case 2:
      return symbols_loop<uint16_t>(base, tuned, n, symbols);
    case 4:
      return symbols_loop<uint32_t>(base, tuned, n, symbols);
    default:
      return symbols_loop<uint64_t>(base, tuned, n, symbols);
  }
}

void scan_exponents(const ElementForm& form, const std::byte* base, uint32_t top, size_t n, uint8_t* below) {
  const int shift = form.exponent_shift;
  const uint32_t mask = form.exponent_mask;
  switch (form.n_bytes) {
    case 1:
      return exponents_loop<uint8_t>(base, shift, mask, top, n, below);
    case 2:
      return exponents_loop<uint16_t>(base, shift, mask, top, n, below);
    case 4:
      return exponents_loop<uint32_t>(base, shift, mask, top, n, below);
    default:
      return exponents_loop<uint64_t>(base, shift, mask, top, n, below);
  }
}

void add_symbols(size_t n_bytes, const std::byte* base, const uint8_t* symbols, size_t n, std::byte* out) {
  switch (n_bytes) {
    case 1:
      return add_loop<uint8_t>(base, symbols, n, out);
    case 2:
      return add_loop<uint16_t>(base, symbols, n, out);
    case 4:
      return add_loop<uint32_t>(base, symbols, n, out);
    default:
      return add_loop<uint64_t>(base, symbols, n, out);
  }
}

uint64_t sum_bytes(const uint8_t* values, size_t n) {
  uint64_t sum = 0;
  size_t index = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::CappedTag<uint8_t, 64> d;
  const hn::RepartitionToWide<hn::RepartitionToWide<hn::RepartitionToWide<decltype(d)>>> d64;
  auto sums = hn::Zero(d64);
  for (; index + hn::Lanes(d) <= n; index += hn::Lanes(d)) {
    sums = hn::Add(sums, hn::SumsOf8(hn::LoadU(d, values + index)));
  }
  sum = hn::GetLane(hn::SumOfLanes(d64, sums));
#endif
  for (; index < n; ++index) sum += values[index];
  return sum;
}

uint8_t largest_byte(const uint8_t* values, size_t n) {
  uint8_t largest = 0;
  for (size_t index = 0; index < n; ++index) largest = std::max(largest, values[index]);
  return largest;
}

void map_bytes(const uint8_t* map, const uint8_t* values, size_t n, uint8_t* mapped) {
  size_t index = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::CappedTag<uint8_t, 64> d;
  const auto table = hn::LoadDup128(d, map);
  for (; index + hn::Lanes(d) <= n; index += hn::Lanes(d)) {
    hn::StoreU(hn::TableLookupBytes(table, hn::LoadU(d, values + index)), d, mapped + index);
  }
#endif
  for (; index < n; ++index) mapped[index] = map[values[index]];
}

// Bits of the bytes of a whole group for which `test` holds.
template <typename Test>
HWY_INLINE uint64_t group_mask(const uint8_t* bytes, Test&& test) {
  const hn::CappedTag<uint8_t, 64> d;
  uint64_t bits = 0;
  for (size_t lane = 0; lane < kGroup; lane += hn::Lanes(d)) {
    uint8_t mask[8] = {};
    hn::StoreMaskBits(d, test(d, hn::LoadU(d, bytes + lane)), mask);
    uint64_t part;
    std::memcpy(&part, mask, sizeof(part));
    bits |= part << lane;
  }
  return bits;
}

#if HWY_TARGET == HWY_SCALAR

void count_bytes(const uint8_t* values, const ByteRun* runs, size_t n_runs, uint32_t* counts) {
  for (size_t run = 0; run < n_runs; ++run) {
    for (size_t index = 0; index < runs[run].size; ++index) ++counts[values[runs[run].begin + index]];
  }
}

#else

constexpr hn::CappedTag<uint8_t, kGroup> kByteLanes{};
constexpr size_t kPairs = 8;

// For each pair of numbers below 16 a table of sixteen: 1 for the even one, 16 for the odd one.
constexpr auto kPairTables = [] {
  std::array<uint8_t, 16 * kPairs> tables{};
  for (size_t value = 0; value < 16; ++value) tables[value / 2 * 16 + value] = value % 2 == 0 ? 1 : 16;
  return tables;
}();

// Adds to counts[] how often each of 0 to 15 comes in at most 15 vectors: what half a byte can count of each lane.
// Bytes above 127 count nowhere.
constexpr size_t kMostVectors = 15;
HWY_INLINE void count_vectors(const uint8_t* bytes, size_t n_vectors, uint32_t* counts) {
  hn::Vec<decltype(kByteLanes)> pairs[kPairs];
#pragma GCC unroll 8
  for (size_t pair = 0; pair < kPairs; ++pair) pairs[pair] = hn::Zero(kByteLanes);
  for (size_t vector = 0; vector < n_vectors; ++vector) {
    const auto held = hn::LoadU(kByteLanes, bytes + vector * hn::Lanes(kByteLanes));
#pragma GCC unroll 8
    for (size_t pair = 0; pair < kPairs; ++pair) {
      const auto table = hn::LoadDup128(kByteLanes, kPairTables.data() + 16 * pair);
      pairs[pair] = hn::Add(pairs[pair], hn::TableLookupBytesOr0(table, held));
    }
  }
  constexpr hn::Repartition<uint16_t, decltype(kByteLanes)> kWide{};
  constexpr hn::Repartition<uint64_t, decltype(kByteLanes)> kSums{};
  const auto half = hn::Set(kByteLanes, 15);
#pragma GCC unroll 8
  for (size_t pair = 0; pair < kPairs; ++pair) {
    const auto high = hn::BitCast(kByteLanes, hn::ShiftRight<4>(hn::BitCast(kWide, pairs[pair])));
    const auto even = hn::SumsOf8(hn::And(pairs[pair], half)), odd = hn::SumsOf8(hn::And(high, half));
    // Below 1024 together, so that both sums are one.
    const uint64_t both = hn::GetLane(hn::SumOfLanes(kSums, hn::Add(even, hn::ShiftLeft<32>(odd))));
    counts[2 * pair] += static_cast<uint32_t>(both);
    counts[2 * pair + 1] += static_cast<uint32_t>(both >> 32);
  }
}

void count_bytes(const uint8_t* values, const ByteRun* runs, size_t n_runs, uint32_t* counts) {
  constexpr size_t kLanes = hn::MaxLanes(kByteLanes);
  for (size_t run = 0; run < n_runs; ++run) {
    const uint8_t* bytes = values + runs[run].begin;
    size_t left = runs[run].size;
    while (left >= kLanes) {
      const size_t n_vectors = left / kLanes < kMostVectors ? left / kLanes : kMostVectors;
      count_vectors(bytes, n_vectors, counts);
      bytes += n_vectors * kLanes;
      left -= n_vectors * kLanes;
    }
    if (left == 0) continue;
    uint8_t last[kLanes];
    std::memset(last, 0xFF, sizeof(last));
    std::memcpy(last, bytes, left);
    count_vectors(last, 1, counts);
  }
}

#endif

void mark_from(const uint8_t* bytes, size_t n_groups, uint8_t least, uint64_t* masks) {
  for (size_t group = 0; group < n_groups; ++group, bytes += kGroup) {
    masks[group] = group_mask(bytes, [&](auto d, auto v) HWY_ATTR { return hn::Eq(hn::Max(v, hn::Set(d, least)), v); });
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {
namespace {

// The last group of bytes, with others behind it that match nothing.
using Padded = std::array<uint8_t, kGroup>;

Padded padded(std::span<const uint8_t> bytes, uint8_t filler) {
  Padded group;
  group.fill(filler);
  std::memcpy(group.data(), bytes.data(), bytes.size());
  return group;
}

}  // namespace

HWY_EXPORT(scan_symbols);
HWY_EXPORT(scan_exponents);
HWY_EXPORT(add_symbols);
HWY_EXPORT(sum_bytes);
HWY_EXPORT(largest_byte);
HWY_EXPORT(map_bytes);
HWY_EXPORT(count_bytes);
HWY_EXPORT(mark_from);

void scan_symbols(const ElementForm& form, const std::byte* base, const std::byte* tuned, std::span<uint8_t> symbols) {
  HWY_DYNAMIC_DISPATCH(scan_symbols)(form.n_bytes, base, tuned, symbols.size(), symbols.data());
}

void scan_exponents(const ElementForm& form, const std::byte* base, uint32_t top, std::span<uint8_t> below) {
  if (form.exponent_mask == 0) {
    std::memset(below.data(), 0, below.size());
  } else {
    HWY_DYNAMIC_DISPATCH(scan_exponents)(form, base, top, below.size(), below.data());
  }
}

void add_symbols(const ElementForm& form, const std::byte* base, std::span<const uint8_t> symbols, std::byte* out) {
  HWY_DYNAMIC_DISPATCH(add_symbols)(form.n_bytes, base, symbols.data(), symbols.size(), out);
}

uint64_t sum_bytes(std::span<const uint8_t> values) {
  return HWY_DYNAMIC_DISPATCH(sum_bytes)(values.data(), values.size());
}

uint8_t largest_byte(std::span<const uint8_t> values) {
  return HWY_DYNAMIC_DISPATCH(largest_byte)(values.data(), values.size());
}

void map_bytes(const std::array<uint8_t, 16>& map, std::span<const uint8_t> values, uint8_t* mapped) {
  HWY_DYNAMIC_DISPATCH(map_bytes)(map.data(), values.data(), values.size(), mapped);
}

std::array<uint32_t, 16> count_bytes(std::span<const uint8_t> values, std::span<const ByteRun> runs) {
  std::array<uint32_t, 16> counts{};
  HWY_DYNAMIC_DISPATCH(count_bytes)(values.data(), runs.data(), runs.size(), counts.data());
  return counts;
}

void mark_from(std::span<const uint8_t> bytes, uint8_t least, uint64_t* masks) {
  const size_t n_groups = bytes.size() / kGroup;
  HWY_DYNAMIC_DISPATCH(mark_from)(bytes.data(), n_groups, least, masks);
  const std::span<const uint8_t> rest = bytes.subspan(n_groups * kGroup);
  if (rest.empty()) return;
  const Padded last = padded(rest, 0);
  HWY_DYNAMIC_DISPATCH(mark_from)(last.data(), 1, least, masks + n_groups);
}

}  // namespace tidemill

#endif
