// How elements are seen by the coder: as integers of 1, 2, 4 or 8 bytes, with an exponent or none.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "compress/delta/block_codec.h"

namespace tidemill {

struct ElementForm {
  size_t n_bytes = 1;
  int exponent_shift = 0;
  uint32_t exponent_mask = 0;  // 0 where elements have no exponent
};

inline ElementForm element_form(DType dtype) {
  switch (dtype) {
    case DType::f64:
      return {8, 52, 0x7FF};
    case DType::f32:
    case DType::c64:
      return {4, 23, 0xFF};
    case DType::bf16:
      return {2, 7, 0xFF};
    case DType::f16:
      return {2, 10, 0x1F};
    case DType::f8_e4m3:
    case DType::f8_e4m3fnuz:
      return {1, 3, 0xF};
    case DType::f8_e5m2:
    case DType::f8_e5m2fnuz:
      return {1, 2, 0x1F};
    case DType::i64:
    case DType::u64:
      return {8, 0, 0};
    case DType::i32:
    case DType::u32:
      return {4, 0, 0};
    case DType::i16:
    case DType::u16:
      return {2, 0, 0};
    default:
      return {1, 0, 0};
  }
}

// A block as a row of integers, cut into the rows of its tensor.
struct BlockShape {
  ElementForm form;
  size_t n_elements = 0;
  size_t n_first = 0;     // of the first row, which may have begun in the block before
  size_t row_length = 0;  // of the others; the last one may be cut
  size_t n_rows = 0;
};

inline constexpr size_t kShortestRow = 64;  // shorter rows would cost more to tell of than they tell

inline BlockShape block_shape(const DeltaBlock& block, size_t n_bytes) {
  BlockShape shape;
  shape.form = element_form(block.dtype);
  if (n_bytes % shape.form.n_bytes != 0) shape.form = {};
  shape.n_elements = n_bytes / shape.form.n_bytes;
  shape.n_first = shape.row_length = shape.n_elements;
  shape.n_rows = 1;
  const uint64_t n_parts = block.dtype == DType::c64 ? 2 : 1;
  const auto row_length = static_cast<uint64_t>(std::max<int64_t>(block.row_length, 0)) * n_parts;
  if (info(block.dtype).block_length > 1 || row_length < kShortestRow || row_length >= shape.n_elements) return shape;
  const uint64_t before = static_cast<uint64_t>(std::max<int64_t>(block.first, 0)) * n_parts % row_length;
  shape.row_length = static_cast<size_t>(row_length);
  shape.n_first = std::min(shape.n_elements, static_cast<size_t>(row_length - before));
  shape.n_rows = 1 + (shape.n_elements - shape.n_first + shape.row_length - 1) / shape.row_length;
  return shape;
}

// Calls `call(row, begin, size)` for each row.
template <typename Call>
void for_each_row(const BlockShape& shape, Call&& call) {
  size_t begin = 0;
  for (size_t row = 0; row < shape.n_rows; ++row) {
    const size_t size = std::min(row == 0 ? shape.n_first : shape.row_length, shape.n_elements - begin);
    call(row, begin, size);
    begin += size;
  }
}

// Differences as symbols: those below 16 as they are, others by their two leading bits; the bits below these follow.
inline constexpr uint32_t kDirectSymbols = 16;
inline constexpr size_t kMostSymbols = kDirectSymbols + 2 * (64 - 4);

inline uint32_t symbol_of(uint64_t folded) {
  if (folded < kDirectSymbols) return static_cast<uint32_t>(folded);
  const int n_bits = std::bit_width(folded);
  return kDirectSymbols + 2 * static_cast<uint32_t>(n_bits - 5) + static_cast<uint32_t>(folded >> (n_bits - 2) & 1);
}

// How many bits follow a symbol, and what they are added to.
inline int n_bits_after(uint32_t symbol) {
  return symbol < kDirectSymbols ? 0 : static_cast<int>((symbol - kDirectSymbols) / 2) + 3;
}
inline uint64_t least_of(uint32_t symbol) {
  if (symbol < kDirectSymbols) return symbol;
  return uint64_t{2 + (symbol & 1)} << n_bits_after(symbol);
}

// How many symbols elements of so many bytes can have.
inline uint32_t n_symbols_of(size_t n_bytes) {
  return kDirectSymbols + 2 * static_cast<uint32_t>(8 * n_bytes - 4);
}

// Calls `call` with a number of the width of the elements, for whole loops over them.
template <typename Call>
auto with_width(size_t n_bytes, Call&& call) {
  switch (n_bytes) {
    case 1:
      return call(uint8_t{});
    case 2:
      return call(uint16_t{});
    case 4:
      return call(uint32_t{});
    default:
      return call(uint64_t{});
  }
}

// Element `index` of base and tuned as a folded difference.
template <typename Unsigned>
inline uint64_t folded_difference(const std::byte* base, const std::byte* tuned, size_t index) {
  Unsigned was, is;
  std::memcpy(&was, base + index * sizeof(was), sizeof(was));
  std::memcpy(&is, tuned + index * sizeof(is), sizeof(is));
  const int64_t wide = static_cast<std::make_signed_t<Unsigned>>(static_cast<Unsigned>(is - was));
  return static_cast<uint64_t>(wide) << 1 ^ static_cast<uint64_t>(wide >> 63);
}

// And back: writes the element that differs so from the base's.
template <typename Unsigned>
inline void add_folded(const std::byte* base, uint64_t folded, std::byte* out, size_t index) {
  Unsigned value;
  std::memcpy(&value, base + index * sizeof(value), sizeof(value));
  value = static_cast<Unsigned>(value + (folded >> 1 ^ (0 - (folded & 1))));
  std::memcpy(out + index * sizeof(value), &value, sizeof(value));
}

}  // namespace tidemill
