// The passes over all elements of a block, with the instructions of the machine at hand.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "compress/delta/changed_elements.h"
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

// How often each of 0 to 15 comes in those parts of `values`; nothing else may.
struct ByteRun {
  size_t begin;
  size_t size;
};
std::array<uint32_t, 16> count_bytes(std::span<const uint8_t> values, std::span<const ByteRun> runs);

// For each group of 64 the bits of those bytes that are at least `least`.
void mark_from(std::span<const uint8_t> bytes, uint8_t least, uint64_t* masks);

}  // namespace tidemill
