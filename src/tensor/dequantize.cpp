// One decoder per format.  Products are formed in the order of the `gguf` Python package, each rounded to f32, so this
// file is compiled without contraction to fused multiply-adds (CMakeLists.txt).
// Test: src/tensor/dequantize_test.cpp, and tests/formats/test_dequantize.py against that package
// and, for the small floats, against ml_dtypes.
#include "tensor/dequantize.h"

#include <array>
#include <cassert>
#include <cstddef>
#include <cstring>

#include "tensor/blocks.h"
#include "tensor/half.h"
#include "tensor/small_float.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

// Element i < 16 of the 4-bit blocks of 32 is a low nibble, i >= 16 a high one.
int nibble(const uint8_t (&quants)[16], int i) {
  return quants[i % 16] >> 4 * (i / 16) & 15;
}

// Two bits of element i of a super-block: each 32 bytes hold 128 elements in four layers.
int two_bits(const uint8_t (&quants)[64], int i) {
  return quants[i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
}

// One bit of element i of a block of 32 (4 bytes) ...
int bit_of_32(const uint8_t (&bits)[4], int i) {
  return bits[i / 8] >> i % 8 & 1;
}

// ... and of a super-block (32 bytes): layer i / 32 of byte i % 32.
int bit_of_256(const uint8_t (&bits)[32], int i) {
  return bits[i % 32] >> i / 32 & 1;
}

// Element i of the quants of Q4_K and Q5_K: each 32 bytes hold 32 low nibbles, then 32 high ones.
int nibble_of_256(const uint8_t (&quants)[128], int i) {
  return quants[i / 64 * 32 + i % 32] >> i % 64 / 32 * 4 & 15;
}

void decode(const BlockQ4_0& block, float* out) {
  const float scale = f16_to_f32(block.scale);
  for (int i = 0; i < block.kLength; ++i) out[i] = scale * static_cast<float>(nibble(block.quants, i) - 8);
}

void decode(const BlockQ4_1& block, float* out) {
  const float scale = f16_to_f32(block.scale), min = f16_to_f32(block.min);
  for (int i = 0; i < block.kLength; ++i) out[i] = scale * static_cast<float>(nibble(block.quants, i)) + min;
}

void decode(const BlockQ5_0& block, float* out) {
  const float scale = f16_to_f32(block.scale);
  for (int i = 0; i < block.kLength; ++i) {
    const int q = nibble(block.quants, i) | bit_of_32(block.high_bits, i) << 4;
    out[i] = scale * static_cast<float>(q - 16);
  }
}

void decode(const BlockQ5_1& block, float* out) {
  const float scale = f16_to_f32(block.scale), min = f16_to_f32(block.min);
  for (int i = 0; i < block.kLength; ++i) {
    const int q = nibble(block.quants, i) | bit_of_32(block.high_bits, i) << 4;
    out[i] = scale * static_cast<float>(q) + min;
  }
}

void decode(const BlockQ8_0& block, float* out) {
  const float scale = f16_to_f32(block.scale);
  for (int i = 0; i < block.kLength; ++i) out[i] = scale * static_cast<float>(block.quants[i]);
}

void decode(const BlockIQ4_NL& block, float* out) {
  const float scale = f16_to_f32(block.scale);
  for (int i = 0; i < block.kLength; ++i) out[i] = scale * static_cast<float>(kIQ4Values[nibble(block.quants, i)]);
}

void decode(const BlockMXFP4& block, float* out) {
  const float scale = mxfp4_scale(block.exponent);
  for (int i = 0; i < block.kLength; ++i) out[i] = scale * static_cast<float>(kFP4Values[nibble(block.quants, i)]);
}

void decode(const BlockQ2_K& block, float* out) {
  const float scale = f16_to_f32(block.scale), min = f16_to_f32(block.min);
  for (int i = 0; i < block.kLength; ++i) {
    const float sub_scale = scale * static_cast<float>(block.scales[i / 16] & 15);
    const float sub_min = min * static_cast<float>(block.scales[i / 16] >> 4);
    out[i] = sub_scale * static_cast<float>(two_bits(block.quants, i)) - sub_min;
  }
}

void decode(const BlockQ3_K& block, float* out) {
  const float scale = f16_to_f32(block.scale);
  const auto scales = unpack_q3_k_scales(block.scales);
  for (int i = 0; i < block.kLength; ++i) {
    const int q = two_bits(block.quants, i) - (bit_of_256(block.high_bits, i) == 1 ? 0 : 4);
    out[i] = scale * static_cast<float>(scales[i / 16]) * static_cast<float>(q);
  }
}

void decode(const BlockQ4_K& block, float* out) {
  const float scale = f16_to_f32(block.scale), min = f16_to_f32(block.min);
  const Q4KScales sub = unpack_q4_k_scales(block.scales);
  for (int i = 0; i < block.kLength; ++i) {
    const float sub_scale = scale * static_cast<float>(sub.scales[i / 32]);
    const float sub_min = min * static_cast<float>(sub.mins[i / 32]);
    out[i] = sub_scale * static_cast<float>(nibble_of_256(block.quants, i)) - sub_min;
  }
}

void decode(const BlockQ5_K& block, float* out) {
  const float scale = f16_to_f32(block.scale), min = f16_to_f32(block.min);
  const Q4KScales sub = unpack_q4_k_scales(block.scales);
  for (int i = 0; i < block.kLength; ++i) {
    const float sub_scale = scale * static_cast<float>(sub.scales[i / 32]);
    const float sub_min = min * static_cast<float>(sub.mins[i / 32]);
    const int q = nibble_of_256(block.quants, i) | bit_of_256(block.high_bits, i) << 4;
    out[i] = sub_scale * static_cast<float>(q) - sub_min;
  }
}

template <int kElements>
void decode(const BlockQ4Group<kElements>& block, float* out) {
  const float scale = f16_to_f32(block.scale);
  for (int i = 0; i < kElements; ++i) {
    const int q = block.quants[i / 32 * 16 + i % 16] >> i % 32 / 16 * 4 & 15;
    out[i] = scale * static_cast<float>(q - block.zero);
  }
}

template <int kBits>
void decode(const BlockFewBitsGroup<kBits>& block, float* out) {
  const float scale = f16_to_f32(block.scale);
  for (int i = 0; i < block.kLength; ++i) out[i] = scale * static_cast<float>(few_bits_code(block, i) - block.zero);
}

void decode(const BlockQ8_G32& block, float* out) {
  const float scale = f16_to_f32(block.scale);
  for (int i = 0; i < block.kLength; ++i) out[i] = scale * static_cast<float>(block.quants[i] - block.zero);
}

void decode(const BlockQ6_K& block, float* out) {
  const float scale = f16_to_f32(block.scale);
  for (int i = 0; i < block.kLength; ++i) {
    const int low = block.low_bits[i / 128 * 64 + i % 64] >> i % 128 / 64 * 4 & 15;
    const int q = (low | two_bits(block.high_bits, i) << 4) - 32;
    out[i] = scale * static_cast<float>(block.scales[i / 16]) * static_cast<float>(q);
  }
}

void decode(const BlockIQ4_XS& block, float* out) {
  const float scale = f16_to_f32(block.scale);
  for (int i = 0; i < block.kLength; ++i) {
    const int code = block.quants[i / 32 * 16 + i % 16] >> i % 32 / 16 * 4 & 15;
    out[i] = scale * static_cast<float>(iq4_xs_scale(block, i / 32)) * static_cast<float>(kIQ4Values[code]);
  }
}

template <typename Block>
void decode_blocks(const std::byte* source, std::span<float> target) {
  for (size_t i = 0; i < target.size(); i += Block::kLength, source += sizeof(Block)) {
    Block block;
    std::memcpy(&block, source, sizeof block);
    decode(block, &target[i]);
  }
}

// Numbers of one machine type, converted by the language.
template <typename Number>
void convert(const std::byte* source, std::span<float> target) {
  for (float& out : target) {
    Number number;
    std::memcpy(&number, source, sizeof number);
    source += sizeof number;
    out = static_cast<float>(number);
  }
}

template <auto to_f32>
void convert_halves(const std::byte* source, std::span<float> target) {
  for (float& out : target) {
    uint16_t half;
    std::memcpy(&half, source, sizeof half);
    source += sizeof half;
    out = to_f32(half);
  }
}

template <auto to_f32>
void convert_bytes(const std::byte* source, std::span<float> target) {
  for (float& out : target) out = to_f32(std::to_integer<uint8_t>(*source++));
}

void convert_booleans(const std::byte* source, std::span<float> target) {
  for (float& out : target) out = *source++ != std::byte{0} ? 1.0f : 0.0f;
}

// Two's complement nibbles, low first.
void convert_i4(const std::byte* source, std::span<float> target) {
  for (size_t i = 0; i < target.size(); ++i) {
    const int code = std::to_integer<int>(source[i / 2]) >> 4 * (i % 2) & 15;
    target[i] = static_cast<float>(code < 8 ? code : code - 16);
  }
}

void convert_f4(const std::byte* source, std::span<float> target) {
  for (size_t i = 0; i < target.size(); ++i) {
    const int code = std::to_integer<int>(source[i / 2]) >> 4 * (i % 2) & 15;
    target[i] = f4_to_f32(static_cast<uint8_t>(code));
  }
}

void refuse_complex(const std::byte*, std::span<float>) {
  throw Error(ErrorCode::unsupported, "c64: complex numbers have no value as f32; give weights of real numbers");
}

struct Decoder {
  DType dtype;
  void (*decode)(const std::byte* source, std::span<float> target);
};

constexpr std::array<Decoder, kDTypeCount> kDecoders = {{
    {DType::f32, convert<float>},
    {DType::f16, convert_halves<f16_to_f32>},
    {DType::bf16, convert_halves<bf16_to_f32>},
    {DType::f64, convert<double>},
    {DType::i64, convert<int64_t>},
    {DType::i32, convert<int32_t>},
    {DType::i16, convert<int16_t>},
    {DType::i8, convert<int8_t>},
    {DType::u8, convert<uint8_t>},
    {DType::u64, convert<uint64_t>},
    {DType::u32, convert<uint32_t>},
    {DType::u16, convert<uint16_t>},
    {DType::i4, convert_i4},
    {DType::boolean, convert_booleans},
    {DType::f8_e4m3, convert_bytes<f8_e4m3_to_f32>},
    {DType::f8_e5m2, convert_bytes<f8_e5m2_to_f32>},
    {DType::f8_e4m3fnuz, convert_bytes<f8_e4m3fnuz_to_f32>},
    {DType::f8_e5m2fnuz, convert_bytes<f8_e5m2fnuz_to_f32>},
    {DType::f8_e8m0, convert_bytes<f8_e8m0_to_f32>},
    {DType::f4, convert_f4},
    {DType::c64, refuse_complex},
    {DType::q4_0, decode_blocks<BlockQ4_0>},
    {DType::q4_1, decode_blocks<BlockQ4_1>},
    {DType::q5_0, decode_blocks<BlockQ5_0>},
    {DType::q5_1, decode_blocks<BlockQ5_1>},
    {DType::q8_0, decode_blocks<BlockQ8_0>},
    {DType::q2_k, decode_blocks<BlockQ2_K>},
    {DType::q3_k, decode_blocks<BlockQ3_K>},
    {DType::q4_k, decode_blocks<BlockQ4_K>},
    {DType::q5_k, decode_blocks<BlockQ5_K>},
    {DType::q6_k, decode_blocks<BlockQ6_K>},
    {DType::iq4_nl, decode_blocks<BlockIQ4_NL>},
    {DType::iq4_xs, decode_blocks<BlockIQ4_XS>},
    {DType::mxfp4, decode_blocks<BlockMXFP4>},
    {DType::q4_g32, decode_blocks<BlockQ4_G32>},
    {DType::q4_g128, decode_blocks<BlockQ4_G128>},
    {DType::q8_g32, decode_blocks<BlockQ8_G32>},
    {DType::q2_g128, decode_blocks<BlockQ2_G128>},
    {DType::q3_g128, decode_blocks<BlockQ3_G128>},
}};

constexpr bool rows_are_in_enum_order() {
  for (int index = 0; index < kDTypeCount; ++index) {
    if (static_cast<int>(kDecoders[index].dtype) != index) return false;
  }
  return true;
}
static_assert(rows_are_in_enum_order());

}  // namespace

void dequantize(DType dtype, const void* source, std::span<float> target) {
  assert(target.size() % static_cast<size_t>(info(dtype).block_length) == 0);
  kDecoders[static_cast<size_t>(dtype)].decode(static_cast<const std::byte*>(source), target);
}

std::vector<float> to_floats(const Tensor& tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.n_elements()));
  dequantize(tensor.dtype(), tensor.data(), values);
  return values;
}

}  // namespace tidemill
