#include "compress/quantize/block_packing.h"

#include <algorithm>
#include <cstring>

#include "tensor/blocks.h"

namespace tidemill {
namespace {

using Codes = std::span<const uint8_t>;

// Element i < 16 in the low nibble of byte i, i >= 16 in the high one of byte i - 16.
void pack_nibbles(Codes codes, uint8_t* target) {
  for (size_t i = 0; i < 16; ++i) target[i] = static_cast<uint8_t>((codes[i] & 15) | (codes[i + 16] & 15) << 4);
}

// The low four bits of each as above, the fifth ones in a word, element 0's lowest.
void pack_five_bits(Codes codes, uint8_t (&high)[4], uint8_t* low) {
  uint32_t fifths = 0;
  for (size_t i = 0; i < 32; ++i) fifths |= static_cast<uint32_t>(codes[i] >> 4) << i;
  std::memcpy(high, &fifths, sizeof fifths);
  pack_nibbles(codes, low);
}

// Two bits of each of 256 elements, as Q2_K has them: within each half bits 2s..2s+1 of byte i % 32, s = i % 128 / 32.
void pack_pairs(Codes codes, int shift, uint8_t* target) {
  std::memset(target, 0, 64);
  for (size_t i = 0; i < 256; ++i) {
    const size_t byte = i / 128 * 32 + i % 32, place = i % 128 / 32;
    target[byte] = static_cast<uint8_t>(target[byte] | (codes[i] >> shift & 3) << 2 * place);
  }
}

// Of each quarter of 64 elements the low nibbles of the first half, then those of the second half as high nibbles.
void pack_quarters(Codes codes, uint8_t* target) {
  for (size_t i = 0; i < 128; ++i) {
    const size_t first = i / 32 * 64 + i % 32;
    target[i] = static_cast<uint8_t>((codes[first] & 15) | (codes[first + 32] & 15) << 4);
  }
}

void pack(const BlockFit& block, Codes codes, BlockQ4_0& target) {
  target.scale = block.factor;
  pack_nibbles(codes, target.quants);
}

void pack(const BlockFit& block, Codes codes, BlockIQ4_NL& target) {
  target.scale = block.factor;
  pack_nibbles(codes, target.quants);
}

void pack(const BlockFit& block, Codes codes, BlockQ4_1& target) {
  target.scale = block.factor;
  target.min = block.min_factor;
  pack_nibbles(codes, target.quants);
}

void pack(const BlockFit& block, Codes codes, BlockQ5_0& target) {
  target.scale = block.factor;
  pack_five_bits(codes, target.high_bits, target.quants);
}

void pack(const BlockFit& block, Codes codes, BlockQ5_1& target) {
  target.scale = block.factor;
  target.min = block.min_factor;
  pack_five_bits(codes, target.high_bits, target.quants);
}

void pack(const BlockFit& block, Codes codes, BlockQ8_0& target) {
  target.scale = block.factor;
  for (size_t i = 0; i < 32; ++i) target.quants[i] = static_cast<int8_t>(codes[i] - 127);
}

void pack(const BlockFit& block, Codes codes, BlockQ2_K& target) {
  target.scale = block.factor;
  target.min = block.min_factor;
  for (size_t j = 0; j < 16; ++j) target.scales[j] = static_cast<uint8_t>(block.scales[j] | block.mins[j] << 4);
  pack_pairs(codes, 0, target.quants);
}

void pack(const BlockFit& block, Codes codes, BlockQ3_K& target) {
  target.scale = block.factor;
  std::memset(target.scales, 0, sizeof target.scales);
  for (size_t j = 0; j < 16; ++j) {
    const int scale = block.scales[j] + 32;
    uint8_t &low = target.scales[j % 8], &high = target.scales[8 + j % 4];
    low = static_cast<uint8_t>(low | (scale & 15) << 4 * (j / 8));
    high = static_cast<uint8_t>(high | (scale >> 4) << 2 * (j / 4));
  }
  std::memset(target.high_bits, 0, sizeof target.high_bits);
  for (size_t i = 0; i < 256; ++i)
    target.high_bits[i % 32] = static_cast<uint8_t>(target.high_bits[i % 32] | (codes[i] >> 2) << i / 32);
  pack_pairs(codes, 0, target.quants);
}

void pack_six_bits(const BlockFit& block, uint8_t (&target)[12]) {
  for (size_t j = 0; j < 4; ++j) {
    const int scale = block.scales[j + 4], min = block.mins[j + 4];
    target[j] = static_cast<uint8_t>(block.scales[j] | (scale >> 4) << 6);
    target[j + 4] = static_cast<uint8_t>(block.mins[j] | (min >> 4) << 6);
    target[j + 8] = static_cast<uint8_t>((scale & 15) | (min & 15) << 4);
  }
}

void pack(const BlockFit& block, Codes codes, BlockQ4_K& target) {
  target.scale = block.factor;
  target.min = block.min_factor;
  pack_six_bits(block, target.scales);
  pack_quarters(codes, target.quants);
}

void pack(const BlockFit& block, Codes codes, BlockQ5_K& target) {
  target.scale = block.factor;
  target.min = block.min_factor;
  pack_six_bits(block, target.scales);
  pack_quarters(codes, target.quants);
  std::memset(target.high_bits, 0, sizeof target.high_bits);
  for (size_t i = 0; i < 256; ++i)
    target.high_bits[i % 32] = static_cast<uint8_t>(target.high_bits[i % 32] | (codes[i] >> 4) << i / 32);
}

void pack(const BlockFit& block, Codes codes, BlockQ6_K& target) {
  target.scale = block.factor;
  for (size_t j = 0; j < 16; ++j) target.scales[j] = static_cast<int8_t>(block.scales[j]);
  for (size_t i = 0; i < 128; ++i) {
    const size_t first = i / 64 * 128 + i % 64;
    target.low_bits[i] = static_cast<uint8_t>((codes[first] & 15) | (codes[first + 64] & 15) << 4);
  }
  pack_pairs(codes, 4, target.high_bits);
}

void pack(const BlockFit& block, Codes codes, BlockIQ4_XS& target) {
  target.scale = block.factor;
  target.scales_high = 0;
  std::memset(target.scales_low, 0, sizeof target.scales_low);
  for (size_t j = 0; j < 8; ++j) {
    const int scale = block.scales[j] + 32;
    uint8_t& low = target.scales_low[j / 2];
    low = static_cast<uint8_t>(low | (scale & 15) << 4 * (j % 2));
    target.scales_high = static_cast<uint16_t>(target.scales_high | (scale >> 4) << 2 * j);
    pack_nibbles(codes.subspan(32 * j, 32), target.quants + 16 * j);
  }
}

template <int kElements>
void pack(const BlockFit& block, Codes codes, BlockQ4Group<kElements>& target) {
  target.scale = block.factor;
  target.zero = block.min_factor;
  for (size_t i = 0; i < kElements; i += 32) pack_nibbles(codes.subspan(i, 32), target.quants + i / 2);
}

template <int kBits>
void pack(const BlockFit& block, Codes codes, BlockFewBitsGroup<kBits>& target) {
  target.scale = block.factor;
  target.zero = block.min_factor;
  pack_few_bits(codes.data(), target);
}

void pack(const BlockFit& block, Codes codes, BlockQ8_G32& target) {
  target.scale = block.factor;
  target.zero = block.min_factor;
  std::copy_n(codes.begin(), 32, target.quants);
}

template <typename Block>
void pack_as(const BlockFit& block, Codes codes, std::byte* target) {
  Block made;
  pack(block, codes, made);
  std::memcpy(target, &made, sizeof made);
}

}  // namespace

void pack_block(DType dtype, const BlockFit& block, Codes codes, std::byte* target) {
  switch (dtype) {
    case DType::q4_0:
      return pack_as<BlockQ4_0>(block, codes, target);
    case DType::q4_1:
      return pack_as<BlockQ4_1>(block, codes, target);
    case DType::q5_0:
      return pack_as<BlockQ5_0>(block, codes, target);
    case DType::q5_1:
      return pack_as<BlockQ5_1>(block, codes, target);
    case DType::q8_0:
      return pack_as<BlockQ8_0>(block, codes, target);
    case DType::q2_k:
      return pack_as<BlockQ2_K>(block, codes, target);
    case DType::q3_k:
      return pack_as<BlockQ3_K>(block, codes, target);
    case DType::q4_k:
      return pack_as<BlockQ4_K>(block, codes, target);
    case DType::q5_k:
      return pack_as<BlockQ5_K>(block, codes, target);
    case DType::q6_k:
      return pack_as<BlockQ6_K>(block, codes, target);
    case DType::iq4_nl:
      return pack_as<BlockIQ4_NL>(block, codes, target);
    case DType::iq4_xs:
      return pack_as<BlockIQ4_XS>(block, codes, target);
    case DType::q4_g32:
      return pack_as<BlockQ4_G32>(block, codes, target);
    case DType::q4_g128:
      return pack_as<BlockQ4_G128>(block, codes, target);
    case DType::q8_g32:
      return pack_as<BlockQ8_G32>(block, codes, target);
    case DType::q2_g128:
      return pack_as<BlockQ2_G128>(block, codes, target);
    case DType::q3_g128:
      return pack_as<BlockQ3_G128>(block, codes, target);
    default:
      return;
  }
}

}  // namespace tidemill
