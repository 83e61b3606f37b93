// Packing goes block by block and row by row in 32-bit words, each the 4 bytes that one row has in one vector of a
// plane: reads are in order, and the scattered writes stay within a superblock, which the first-level cache holds.
#include "backends/cpu/pack.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <vector>

#include "backends/cpu/fetch.h"
#include "backends/cpu/pack_floats.h"
#include "tensor/blocks.h"
#include "tensor/panels.h"

namespace tidemill {

namespace {

uint32_t load32(const void* p) {
  uint32_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

// A block of the file, which may lie at any address.
template <typename Block>
Block load(const uint8_t* source) {
  Block block;
  std::memcpy(&block, source, sizeof block);
  return block;
}

// One row's share of a superblock.
struct RowTarget {
  uint8_t* header;  // of the superblock
  uint8_t* planes;  // first group of the superblock
  int row;          // 0..15

  // Word of vector `vector` of the plane that starts `plane` bytes into a group.
  void put(int group_offset, int vector, uint32_t word) const {
    std::memcpy(planes + group_offset + vector * kVectorBytes + 4 * row, &word, sizeof word);
  }
  // f16 number `index` of a [..][16] table of them `offset` bytes into the header.
  void put16(int offset, int index, F16Bits value) const {
    std::memcpy(header + offset + 2 * (index * kPanelRows + row), &value, sizeof value);
  }
  void put8(int offset, int index, uint8_t value) const { header[offset + index * kPanelRows + row] = value; }
};

// The low nibbles of 32 bytes (or the high ones: shift = 4) as a 4-bit plane.
void put_nibbles(const RowTarget& target, int group_offset, const uint8_t* bytes, int shift) {
  for (int v = 0; v < 4; ++v) {
    const uint32_t low = load32(bytes + 4 * v) >> shift & 0x0f0f0f0f;
    const uint32_t high = load32(bytes + 16 + 4 * v) >> shift & 0x0f0f0f0f;
    target.put(group_offset, v, low | high << 4);
  }
}

// Bits shift and shift + 1 of 32 bytes as a 2-bit plane.
void put_pairs(const RowTarget& target, int group_offset, const uint8_t* bytes, int shift) {
  for (int v = 0; v < 2; ++v) {
    uint32_t word = 0;
    for (int t = 0; t < 4; ++t) word |= (load32(bytes + 16 * v + 4 * t) >> shift & 0x03030303) << (2 * t);
    target.put(group_offset, v, word);
  }
}

// Bit `shift` of 32 bytes as a 1-bit plane.
void put_bits(const RowTarget& target, int group_offset, const uint8_t* bytes, int shift) {
  uint32_t word = 0;
  for (int u = 0; u < kUnitsPerGroup; ++u) word |= (load32(bytes + 4 * u) >> shift & 0x01010101) << u;
  target.put(group_offset, 0, word);
}

// 32 bits, one per element, as a 1-bit plane: the multiplication spreads 4 bits over 4 bytes.
void put_bit_field(const RowTarget& target, int group_offset, uint32_t bits) {
  uint32_t word = 0;
  for (int u = 0; u < kUnitsPerGroup; ++u) word |= ((bits >> (4 * u) & 15) * 0x00204081 & 0x01010101) << u;
  target.put(group_offset, 0, word);
}

void put_six_bit(const RowTarget& target, const std::array<uint8_t, 16>& numbers) {
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 4; ++j) {
      const int top = numbers[12 + j] >> (2 * i) & 3;
      target.put8(i * kVectorBytes, j, static_cast<uint8_t>(numbers[4 * i + j] | top << 6));
    }
  }
}

// --- Formats with one scale (and min) per 32 elements.

template <DType kDType, typename Block>
void pack_group(const Block& block, int g, int n_groups, const RowTarget& target) {
  constexpr PanelFormat kFormat = panel_format(kDType);
  const int group = g * kFormat.group_bytes();
  if constexpr (kFormat.scales == Scales::exponents) {
    target.put8(0, g, block.exponent);
  } else {
    target.put16(0, g, block.scale);
  }
  if constexpr (kFormat.has_min()) target.put16(0, n_groups + g, block.min);
  if constexpr (kFormat.low_bits == 8) {
    for (int u = 0; u < kUnitsPerGroup; ++u) target.put(group, u, load32(block.quants + 4 * u) ^ 0x80808080);
  } else {
    for (int v = 0; v < 4; ++v) target.put(group, v, load32(block.quants + 4 * v));
  }
  if constexpr (kFormat.high_bits == 1) put_bit_field(target, group + kFormat.high_plane(), load32(block.high_bits));
}

template <DType kDType, typename Block>
void pack_small_blocks(const uint8_t* source, int n_groups, const RowTarget& target) {
  for (int g = 0; g < n_groups; ++g) pack_group<kDType>(load<Block>(source + g * sizeof(Block)), g, n_groups, target);
}

// --- Formats with zeros.

template <DType kDType, typename Block>
void pack_zero_blocks(const uint8_t* source, int n_groups, const RowTarget& target) {
  constexpr PanelFormat kFormat = panel_format(kDType);
  constexpr int kGroups = Block::kLength / kGroupLength;
  static_assert(kGroups == kFormat.groups_per_scale);
  for (int b = 0; b * kGroups < n_groups; ++b) {
    const auto block = load<Block>(source + b * sizeof(Block));
    target.put16(0, b, block.scale);
    target.put8(kFormat.zeros(n_groups), b, static_cast<uint8_t>(block.zero));
    constexpr int kWords = kFormat.group_bytes() / kVectorBytes;  // of a row in each group
    for (int v = 0; v < kGroups * kWords; ++v) {
      target.put((b * kGroups + v / kWords) * kFormat.group_bytes(), v % kWords, load32(block.quants + 4 * v));
    }
  }
}

// --- Superblocks: sub-scales in the header's front, factors behind them.

// Q4_K and Q5_K.
template <DType kDType, typename Block>
void pack_q45_k(const uint8_t* source, int /*n_groups*/, const RowTarget& target) {
  constexpr PanelFormat kFormat = panel_format(kDType);
  const Block block = load<Block>(source);
  const Q4KScales scales = unpack_q4_k_scales(block.scales);
  std::array<uint8_t, 16> numbers;
  std::copy(scales.scales.begin(), scales.scales.end(), numbers.begin());
  std::copy(scales.mins.begin(), scales.mins.end(), numbers.begin() + 8);
  put_six_bit(target, numbers);
  target.put16(kFormat.factors(), 0, block.scale);
  target.put16(kFormat.factors(), 1, block.min);
  for (int g = 0; g < kGroupsPerSuperblock; ++g) {
    const int group = g * kFormat.group_bytes();
    put_nibbles(target, group, block.quants + g / 2 * 32, 4 * (g % 2));
    if constexpr (kFormat.high_bits == 1) put_bits(target, group + kFormat.high_plane(), block.high_bits, g);
  }
}

void pack_q2_k(const uint8_t* source, int /*n_groups*/, const RowTarget& target) {
  constexpr PanelFormat kFormat = panel_format(DType::q2_k);
  const auto block = load<BlockQ2_K>(source);
  for (int i = 0; i < 16; ++i) target.put8(0, i, block.scales[i]);
  target.put16(kFormat.factors(), 0, block.scale);
  target.put16(kFormat.factors(), 1, block.min);
  for (int g = 0; g < kGroupsPerSuperblock; ++g) {
    put_pairs(target, g * kFormat.group_bytes(), block.quants + g / 4 * 32, 2 * (g % 4));
  }
}

void pack_q3_k(const uint8_t* source, int /*n_groups*/, const RowTarget& target) {
  constexpr PanelFormat kFormat = panel_format(DType::q3_k);
  const auto block = load<BlockQ3_K>(source);
  const std::array<int8_t, 16> scales = unpack_q3_k_scales(block.scales);
  std::array<uint8_t, 16> numbers;
  std::transform(scales.begin(), scales.end(), numbers.begin(),
                 [](int8_t scale) { return static_cast<uint8_t>(scale + kSixBitOffset); });
  put_six_bit(target, numbers);
  target.put16(kFormat.factors(), 0, block.scale);
  for (int g = 0; g < kGroupsPerSuperblock; ++g) {
    const int group = g * kFormat.group_bytes();
    put_pairs(target, group, block.quants + g / 4 * 32, 2 * (g % 4));
    put_bits(target, group + kFormat.high_plane(), block.high_bits, g);
  }
}

void pack_q6_k(const uint8_t* source, int /*n_groups*/, const RowTarget& target) {
  constexpr PanelFormat kFormat = panel_format(DType::q6_k);
  const auto block = load<BlockQ6_K>(source);
  for (int i = 0; i < 16; ++i) target.put8(0, i, static_cast<uint8_t>(block.scales[i]));
  target.put16(kFormat.factors(), 0, block.scale);
  for (int g = 0; g < kGroupsPerSuperblock; ++g) {
    const int half = g / 4, part = g % 4;  // a half's four groups: two in low nibbles, two in high ones
    const int group = g * kFormat.group_bytes();
    put_nibbles(target, group, block.low_bits + 64 * half + 32 * (part % 2), 4 * (part / 2));
    put_pairs(target, group + kFormat.high_plane(), block.high_bits + 32 * half, 2 * part);
  }
}

void pack_iq4_xs(const uint8_t* source, int /*n_groups*/, const RowTarget& target) {
  constexpr PanelFormat kFormat = panel_format(DType::iq4_xs);
  const auto block = load<BlockIQ4_XS>(source);
  target.put16(kFormat.factors(), 0, block.scale);
  for (int g = 0; g < kGroupsPerSuperblock; ++g) {
    target.put8(0, g, static_cast<uint8_t>(iq4_xs_scale(block, g)));
    for (int v = 0; v < 4; ++v) target.put(g * kFormat.group_bytes(), v, load32(block.quants + 16 * g + 4 * v));
  }
}

using PackRow = void (*)(const uint8_t* source, int n_groups, const RowTarget& target);

PackRow row_packer(DType dtype) {
  switch (dtype) {
    case DType::q4_0:
      return pack_small_blocks<DType::q4_0, BlockQ4_0>;
    case DType::q4_1:
      return pack_small_blocks<DType::q4_1, BlockQ4_1>;
    case DType::q5_0:
      return pack_small_blocks<DType::q5_0, BlockQ5_0>;
    case DType::q5_1:
      return pack_small_blocks<DType::q5_1, BlockQ5_1>;
    case DType::q8_0:
      return pack_small_blocks<DType::q8_0, BlockQ8_0>;
    case DType::iq4_nl:
      return pack_small_blocks<DType::iq4_nl, BlockIQ4_NL>;
    case DType::mxfp4:
      return pack_small_blocks<DType::mxfp4, BlockMXFP4>;
    case DType::q4_g32:
      return pack_zero_blocks<DType::q4_g32, BlockQ4_G32>;
    case DType::q4_g128:
      return pack_zero_blocks<DType::q4_g128, BlockQ4_G128>;
    case DType::q8_g32:
      return pack_zero_blocks<DType::q8_g32, BlockQ8_G32>;
    case DType::q2_g128:
      return pack_zero_blocks<DType::q2_g128, BlockQ2_G128>;
    case DType::q3_g128:
      return pack_zero_blocks<DType::q3_g128, BlockQ3_G128>;
    case DType::q2_k:
      return pack_q2_k;
    case DType::q3_k:
      return pack_q3_k;
    case DType::q4_k:
      return pack_q45_k<DType::q4_k, BlockQ4_K>;
    case DType::q5_k:
      return pack_q45_k<DType::q5_k, BlockQ5_K>;
    case DType::q6_k:
      return pack_q6_k;
    default:
      return pack_iq4_xs;
  }
}

// A row of zeros: as many as a superblock has bytes in the largest format.
constexpr uint8_t kZeros[kGroupsPerSuperblock * sizeof(BlockQ8_G32)] = {};

// While a row's share of a superblock is packed, the same share of the next panel is fetched, and a row's part of the
// next superblock to write: 16 short streams are too many for the processor's own prefetchers.
void pack_quantized_panel(const Tensor& rows, int64_t first_row, uint8_t* target) {
  const PanelFormat format = panel_format(rows.dtype());
  const PackRow pack_row = row_packer(rows.dtype());
  const DTypeInfo& type = info(rows.dtype());
  const int64_t n_cols = rows.dim(1);
  for (int64_t k = 0; k < n_cols; k += kSuperblockLength) {
    const int n_groups = static_cast<int>(std::min<int64_t>(n_cols - k, kSuperblockLength)) / kGroupLength;
    const int header = format.header_bytes(n_groups);
    const int size = format.superblock_bytes(n_groups);
    std::memset(target, 0, static_cast<size_t>(header));  // the padding, so that packing is deterministic
    for (int r = 0; r < kPanelRows; ++r) {
      const bool exists = first_row + r < rows.dim(0);
      const uint8_t* source =
          exists ? rows.row<uint8_t>(first_row + r) + k / type.block_length * type.block_bytes : kZeros;
      if (exists)
        fetch<0>(source + kPanelRows * rows.stride_bytes(0),
                 n_groups * kGroupLength / type.block_length * type.block_bytes);
      fetch<1>(target + size + size / kPanelRows * r, size / kPanelRows);
      pack_row(source, n_groups, {target, target + header, r});
    }
    target += size;
  }
}

// Parts a group of 8-bit codes: unit v + 4 goes to the upper nibbles beside unit v.
void halve_group(const uint8_t* codes, uint8_t* high, uint8_t* low) {
  constexpr int kPlane = kUnitsPerGroup / 2 * kVectorBytes;
  for (int i = 0; i < kPlane; ++i) {
    const int first = codes[i], second = codes[kPlane + i];
    high[i] = static_cast<uint8_t>((first >> 4) | (second & 0xf0));
    low[i] = static_cast<uint8_t>((first & 0x0f) | (second << 4 & 0xf0));
  }
}

}  // namespace

Tensor pack_panels(ThreadPool& pool, const Tensor& rows, std::byte* target) {
  panel_bytes(rows.dtype(), rows.dim(0), rows.dim(1));  // throws
  const int64_t stride = panel_stride(rows.dtype(), rows.dim(1));
  pool.parallel_for(panel_count(rows.dim(0)), 4,
                    [&](int64_t begin, int64_t end, int) { pack_panels(rows, begin, end, target + begin * stride); });
  return rows.with_panels(target);
}

void pack_part(ThreadPool& pool, const Tensor& rows, int64_t first_panel, const Tensor& whole) {
  const auto pack_each = [&](auto pack) { pool.parallel_for(panel_count(rows.dim(0)), 4, pack); };
  auto* const memory = whole.as<std::byte>();
  if (whole.layout() == Layout::panels) {
    const int64_t stride = panel_stride(whole.dtype(), whole.dim(1));
    return pack_each([&](int64_t begin, int64_t end, int) {
      pack_panels(rows, begin, end, memory + (first_panel + begin) * stride);
    });
  }
  const HalvedStrides strides = halved_strides(whole.dim(1));
  std::byte* const lows = memory + panel_count(whole.dim(0)) * strides.high;
  pack_each([&](int64_t begin, int64_t end, int) {
    const int64_t panel = first_panel + begin;
    pack_halved_panels(rows, begin, end, memory + panel * strides.high, lows + panel * strides.low);
  });
}

void pack_panels(const Tensor& rows, int64_t begin, int64_t end, std::byte* target) {
  assert(rows.layout() == Layout::rows && rows.shape().rank() == 2);
  const int64_t stride = panel_stride(rows.dtype(), rows.dim(1));
  for (int64_t panel = begin; panel < end; ++panel, target += stride) {
    if (panel_format(rows.dtype()).is_quantized()) {
      pack_quantized_panel(rows, panel * kPanelRows, reinterpret_cast<uint8_t*>(target));
    } else {
      pack_float_panel(rows, panel, target);
    }
  }
}

void pack_halved_panels(const Tensor& rows, int64_t begin, int64_t end, std::byte* high, std::byte* low) {
  assert(has_halved_panels(rows.dtype()));
  constexpr int kPlane = kUnitsPerGroup / 2 * kVectorBytes;
  const PanelFormat format = panel_format(rows.dtype());
  const int64_t n_cols = rows.dim(1);
  std::vector<uint8_t> whole(static_cast<size_t>(panel_stride(rows.dtype(), n_cols)) + kVectorBytes);
  auto* to_high = reinterpret_cast<uint8_t*>(high);
  auto* to_low = reinterpret_cast<uint8_t*>(low);
  for (int64_t panel = begin; panel < end; ++panel) {
    pack_quantized_panel(rows, panel * kPanelRows, whole.data());
    const uint8_t* from = whole.data();
    for (int64_t k = 0; k < n_cols; k += kSuperblockLength) {
      const int n_groups = static_cast<int>(std::min<int64_t>(n_cols - k, kSuperblockLength)) / kGroupLength;
      const int header = format.header_bytes(n_groups);
      to_high = std::copy_n(from, header, to_high);
      from += header;
      for (int g = 0; g < n_groups; ++g, from += format.group_bytes(), to_high += kPlane, to_low += kPlane) {
        halve_group(from, to_high, to_low);
      }
    }
  }
}

void pack_halved_bytes(const Tensor& rows, int64_t begin, int64_t end, std::byte* target) {
  const HalvedStrides strides = halved_strides(rows.dim(1));
  const int64_t n_panels = panel_count(rows.dim(0)), n_highs = n_panels * strides.high;
  std::vector<std::byte> high(static_cast<size_t>(strides.high)), low(static_cast<size_t>(strides.low));
  while (begin < end) {
    const bool is_high = begin < n_highs;
    const int64_t stride = is_high ? strides.high : strides.low, at = is_high ? begin : begin - n_highs;
    const int64_t panel = at / stride, n = std::min(end - begin, stride - at % stride);
    pack_halved_panels(rows, panel, panel + 1, high.data(), low.data());
    target = std::copy_n((is_high ? high : low).data() + at % stride, n, target);
    begin += n;
  }
}

}  // namespace tidemill
