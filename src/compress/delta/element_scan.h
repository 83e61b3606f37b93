// The passes over all elements of a block, with the instructions of the machine at hand.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "compress/delta/element_form.h"

namespace tidemill {

inline constexpr int kNearExponents = 16;  // contexts by exponent: the highest one and those below it

// symbols[i] of tuned[i] - base[i].
void scan_symbols(const ElementForm& form, const std::byte* base, const std::byte* tuned, std::span<uint8_t> symbols);

// How far the exponent of an element is below `top`, within 0 to 15; 0 where elements have no exponent.
void scan_exponents(const ElementForm& form, const std::byte* base, uint32_t top, std::span<uint8_t> below);

// What is added to base for symbols that no bits follow; others need add_folded.
void add_symbols(const ElementForm& form, const std::byte* base, std::span<const uint8_t> symbols, std::byte* out);

// mapped[i] = map[values[i]], values below 16; may be in place.
void map_bytes(const std::array<uint8_t, 16>& map, std::span<const uint8_t> values, uint8_t* mapped);

uint64_t sum_bytes(std::span<const uint8_t> values);
uint8_t largest_byte(std::span<const uint8_t> values);  // 0 of none

// How many symbols are not 0.
size_t count_changed(std::span<const uint8_t> symbols);

// counts[value] of bytes below 16.
void count_bytes(std::span<const uint8_t> values, std::array<uint32_t, 16>& counts);

// For each group of 64 bytes (the last one may be shorter) the bits of those that are `values[k]`, at
// [group * n_values + k], and how many these are.
inline constexpr size_t kGroup = 64;
void match_bytes(std::span<const uint8_t> bytes, std::span<const uint8_t> values, uint64_t* masks, uint8_t* counts);

// For each group the bits of those bytes that are at least `least`.
void mark_from(std::span<const uint8_t> bytes, uint8_t least, uint64_t* masks);

}  // namespace tidemill
