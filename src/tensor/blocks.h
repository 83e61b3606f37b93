// The block formats of GGUF as they lie in the file, and those of groups: one struct each, with the place and meaning
// of every element.
//
// A block holds `kLength` consecutive elements of one row, `i` below is an element's index in it.  f16 numbers are kept
// as bits (tensor/half.h).  Facts of the format: ggml's quantisation layouts, as PyPI `gguf` (gguf/quants.py) reads
// them; tests/formats/test_dequantize.py compares every format with that package.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace tidemill {

// Multi-byte fields are little-endian in the file and are read as they are.
static_assert(std::endian::native == std::endian::little);

using F16Bits = uint16_t;

// --- Blocks of 32.  4-bit: element i < 16 is the low nibble of quants[i], i >= 16 the high nibble of quants[i - 16].

struct BlockQ4_0 {  // scale * (q - 8)
  static constexpr int kLength = 32;
  F16Bits scale;
  uint8_t quants[16];
};

struct BlockQ4_1 {  // scale * q + min
  static constexpr int kLength = 32;
  F16Bits scale;
  F16Bits min;
  uint8_t quants[16];
};

struct BlockQ5_0 {  // scale * (q - 16); q's bit 4 is bit i of the little-endian word in high_bits
  static constexpr int kLength = 32;
  F16Bits scale;
  uint8_t high_bits[4];
  uint8_t quants[16];
};

struct BlockQ5_1 {  // scale * q + min; bit 4 as in Q5_0
  static constexpr int kLength = 32;
  F16Bits scale;
  F16Bits min;
  uint8_t high_bits[4];
  uint8_t quants[16];
};

struct BlockQ8_0 {  // scale * quants[i]
  static constexpr int kLength = 32;
  F16Bits scale;
  int8_t quants[32];
};

struct BlockIQ4_NL {  // scale * kIQ4Values[q]
  static constexpr int kLength = 32;
  F16Bits scale;
  uint8_t quants[16];
};

// What the 16 codes of IQ4_NL and IQ4_XS stand for: finer near zero, where weights are dense.
inline constexpr std::array<int8_t, 16> kIQ4Values = {-127, -104, -83, -65, -49, -35, -22, -10,
                                                      1,    13,   25,  38,  53,  69,  89,  113};

struct BlockMXFP4 {  // mxfp4_scale(exponent) * kFP4Values[q].  OCP Microscaling Formats 1.0
  static constexpr int kLength = 32;
  uint8_t exponent;
  uint8_t quants[16];
};

// Twice the E2M1 numbers, so that they are whole.
inline constexpr std::array<int8_t, 16> kFP4Values = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

// 2^(exponent - 128), half of what E8M0 means, as kFP4Values are twice what E2M1 does.  The product of two powers, of
// which none is as small as the smallest scales are.
constexpr float mxfp4_scale(uint8_t exponent) {
  const uint32_t half = exponent / 2, rest = exponent - half;
  constexpr uint32_t kBias = 127 - 64;
  return std::bit_cast<float>((half + kBias) << 23) * std::bit_cast<float>((rest + kBias) << 23);
}

// --- Groups of AWQ, GPTQ and compressed-tensors, which no block of GGUF holds exactly: scale * (q - zero), zero a
// whole number that is a code.  Larger groups repeat scale and zero in several blocks.

template <int kElements>
struct BlockQ4Group {  // each 32 elements have 16 bytes, with nibbles as in Q4_0
  static constexpr int kLength = kElements;
  F16Bits scale;
  uint16_t zero;
  uint8_t quants[kElements / 2];
};
using BlockQ4_G32 = BlockQ4Group<32>;
using BlockQ4_G128 = BlockQ4Group<128>;

struct BlockQ8_G32 {
  static constexpr int kLength = 32;
  F16Bits scale;
  uint16_t zero;
  uint8_t quants[32];
};

// Each 32 elements have 4 * kBits bytes as panels have them (tensor/panels.h): element i its two low bits in bits
// 2s..2s+1 of byte i / 16 * 4 + i % 4, s = i % 16 / 4, and the third one, if any, in bit i / 4 of byte 8 + i % 4.
template <int kBits>
struct BlockFewBitsGroup {
  static constexpr int kLength = 128;
  F16Bits scale;
  uint16_t zero;
  uint8_t quants[kLength / 8 * kBits];
};
using BlockQ2_G128 = BlockFewBitsGroup<2>;
using BlockQ3_G128 = BlockFewBitsGroup<3>;

// --- Super-blocks of 256: sub-blocks of 16 or 32 have small integer scales, and f16 scales of those.

struct BlockQ2_K {  // scale * (scales[i / 16] & 15) * q - min * (scales[i / 16] >> 4)
  static constexpr int kLength = 256;
  uint8_t scales[16];
  uint8_t quants[64];  // within each half of 128 elements (32 bytes): bits 2s..2s+1 of byte i % 32, s = i % 128 / 32
  F16Bits scale;
  F16Bits min;
};

struct BlockQ3_K {  // scale * unpack_q3_k_scales(scales)[i / 16] * q, q in -4..3
  static constexpr int kLength = 256;
  uint8_t high_bits[32];  // bit i / 32 of byte i % 32; where it is 0, q is less by 4
  uint8_t quants[64];     // two low bits, as in Q2_K
  uint8_t scales[12];
  F16Bits scale;
};

struct BlockQ4_K {  // scale * s.scales[i / 32] * q - min * s.mins[i / 32], with s = unpack_q4_k_scales(scales)
  static constexpr int kLength = 256;
  F16Bits scale;
  F16Bits min;
  uint8_t scales[12];
  uint8_t quants[128];  // within each quarter of 64 elements (32 bytes): low nibbles first, then high nibbles
};

struct BlockQ5_K {  // as Q4_K, q's bit 4 is bit i / 32 of high_bits[i % 32]
  static constexpr int kLength = 256;
  F16Bits scale;
  F16Bits min;
  uint8_t scales[12];
  uint8_t high_bits[32];
  uint8_t quants[128];
};

struct BlockQ6_K {  // scale * scales[i / 16] * (q - 32)
  static constexpr int kLength = 256;
  uint8_t low_bits[128];  // within each half of 128 elements (64 bytes): 64 low nibbles, then 64 high nibbles
  uint8_t high_bits[64];  // bits 4 and 5, laid as the quants of Q2_K
  int8_t scales[16];
  F16Bits scale;
};

struct BlockIQ4_XS {  // scale * s * kIQ4Values[q], s = iq4_xs_scale(block, i / 32)
  static constexpr int kLength = 256;
  F16Bits scale;
  uint16_t scales_high;
  uint8_t scales_low[4];
  uint8_t quants[128];  // 16 bytes for each 32 elements, laid as in the blocks of 32
};

static_assert(sizeof(BlockQ4_0) == 18 && sizeof(BlockQ4_1) == 20 && sizeof(BlockQ5_0) == 22);
static_assert(sizeof(BlockQ5_1) == 24 && sizeof(BlockQ8_0) == 34 && sizeof(BlockIQ4_NL) == 18);
static_assert(sizeof(BlockMXFP4) == 17 && sizeof(BlockQ4_G32) == 20 && sizeof(BlockQ4_G128) == 68);
static_assert(sizeof(BlockQ8_G32) == 36 && sizeof(BlockQ2_G128) == 36 && sizeof(BlockQ3_G128) == 52);
static_assert(sizeof(BlockQ2_K) == 84 && sizeof(BlockQ3_K) == 110 && sizeof(BlockQ4_K) == 144);
static_assert(sizeof(BlockQ5_K) == 176 && sizeof(BlockQ6_K) == 210 && sizeof(BlockIQ4_XS) == 136);

// --- Codes of 2 and 3 bits in groups.

template <int kBits>
constexpr int few_bits_code(const BlockFewBitsGroup<kBits>& block, int i) {
  const uint8_t* const quants = block.quants + i / 32 * 4 * kBits;
  int code = quants[i % 32 / 16 * 4 + i % 4] >> i % 16 / 4 * 2 & 3;
  if constexpr (kBits == 3) code |= (quants[8 + i % 4] >> i % 32 / 4 & 1) << 2;
  return code;
}

template <int kBits>
constexpr void pack_few_bits(const uint8_t* codes, BlockFewBitsGroup<kBits>& block) {
  for (uint8_t& byte : block.quants) byte = 0;
  for (int i = 0; i < block.kLength; ++i) {
    uint8_t* const quants = block.quants + i / 32 * 4 * kBits;
    quants[i % 32 / 16 * 4 + i % 4] |= static_cast<uint8_t>((codes[i] & 3) << i % 16 / 4 * 2);
    if constexpr (kBits == 3) quants[8 + i % 4] |= static_cast<uint8_t>(codes[i] >> 2 << i % 32 / 4);
  }
}

// --- Packed scales of the super-blocks.

struct Q4KScales {
  std::array<uint8_t, 8> scales;  // 0..63, one per 32 elements
  std::array<uint8_t, 8> mins;    // 0..63
};

// The 6-bit scales and mins of Q4_K and Q5_K.  Sub-blocks 0..3 lie whole in bytes 0..3 (scales) and 4..7 (mins);
// sub-blocks 4..7 have their low four bits in bytes 8..11 and the two high ones in the tops of bytes 0..7.
constexpr Q4KScales unpack_q4_k_scales(const uint8_t (&packed)[12]) {
  Q4KScales out{};
  for (int j = 0; j < 4; ++j) {
    out.scales[j] = packed[j] & 63;
    out.mins[j] = packed[j + 4] & 63;
    out.scales[j + 4] = static_cast<uint8_t>((packed[j + 8] & 15) | (packed[j] >> 6) << 4);
    out.mins[j + 4] = static_cast<uint8_t>(packed[j + 8] >> 4 | (packed[j + 4] >> 6) << 4);
  }
  return out;
}

// The 6-bit scales of Q3_K, -32..31, one per 16 elements: four low bits in the nibbles of bytes 0..7 (first all low
// nibbles), two high bits in bytes 8..11 (first the lowest pairs).
constexpr std::array<int8_t, 16> unpack_q3_k_scales(const uint8_t (&packed)[12]) {
  std::array<int8_t, 16> scales{};
  for (int j = 0; j < 16; ++j) {
    const int low = packed[j % 8] >> 4 * (j / 8) & 15;
    const int high = packed[8 + j % 4] >> 2 * (j / 4) & 3;
    scales[j] = static_cast<int8_t>((low | high << 4) - 32);
  }
  return scales;
}

// The 6-bit scale, -32..31, of one sub-block (0..7, 32 elements each) of IQ4_XS.
constexpr int iq4_xs_scale(const BlockIQ4_XS& block, int sub_block) {
  const int low = block.scales_low[sub_block / 2] >> 4 * (sub_block % 2) & 15;
  const int high = block.scales_high >> 2 * sub_block & 3;
  return (low | high << 4) - 32;
}

}  // namespace tidemill
