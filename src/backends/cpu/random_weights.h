// Random weight matrices in every dtype that panels hold, for tests and benchmarks of this folder.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "backends/cpu/pack.h"
#include "tensor/blocks.h"
#include "tensor/half.h"
#include "tensor/panels.h"
#include "tensor/storage.h"
#include "tidemill/tensor.h"

namespace tidemill {

#define TIDEMILL_CASE(name) DType::name,
inline constexpr DType kPanelDTypes[] = {DType::f32, DType::f16, DType::bf16, TIDEMILL_QUANTISED_DTYPES(TIDEMILL_CASE)};
#undef TIDEMILL_CASE

namespace random_weights_detail {

// Random bits everywhere, then numbers of a weight's usual size where the block has factors.
template <typename Block>
void fill_blocks(std::vector<std::byte>& bytes, std::mt19937& random, float size) {
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  std::uniform_real_distribution<float> factor(-size, size);
  for (size_t i = 0; i + sizeof(Block) <= bytes.size(); i += sizeof(Block)) {
    auto* block = reinterpret_cast<Block*>(bytes.data() + i);
    if constexpr (requires { block->exponent; }) {
      block->exponent = static_cast<uint8_t>(116 + block->exponent % 8);
    } else {
      block->scale = f32_to_f16(factor(random));
    }
    if constexpr (requires { block->zero; }) block->zero %= 1 << 8 * sizeof block->quants / Block::kLength;
    if constexpr (requires { block->min; }) block->min = f32_to_f16(factor(random));
  }
}

template <typename T, typename Encode>
void fill_floats(std::vector<std::byte>& bytes, std::mt19937& random, Encode encode) {
  std::normal_distribution<float> normal;
  for (size_t i = 0; i < bytes.size(); i += sizeof(T)) {
    *reinterpret_cast<T*>(bytes.data() + i) = encode(normal(random));
  }
}

}  // namespace random_weights_detail

// [n_rows, n_cols] as it would lie in a file; every value of every field occurs, factors are finite.
inline std::vector<std::byte> random_rows(DType dtype, int64_t n_rows, int64_t n_cols, uint32_t seed) {
  using namespace random_weights_detail;
  std::mt19937 random(seed);
  std::vector<std::byte> bytes(static_cast<size_t>(size_bytes(dtype, {n_rows, n_cols})));
  switch (dtype) {
    case DType::f32:
      fill_floats<float>(bytes, random, [](float value) { return value; });
      break;
    case DType::f16:
      fill_floats<uint16_t>(bytes, random, f32_to_f16);
      break;
    case DType::bf16:
      fill_floats<uint16_t>(bytes, random, f32_to_bf16);
      break;
    case DType::q4_0:
      fill_blocks<BlockQ4_0>(bytes, random, 0.2f);
      break;
    case DType::q4_1:
      fill_blocks<BlockQ4_1>(bytes, random, 0.2f);
      break;
    case DType::q5_0:
      fill_blocks<BlockQ5_0>(bytes, random, 0.1f);
      break;
    case DType::q5_1:
      fill_blocks<BlockQ5_1>(bytes, random, 0.1f);
      break;
    case DType::q8_0:
      fill_blocks<BlockQ8_0>(bytes, random, 0.01f);
      break;
    case DType::q2_k:
      fill_blocks<BlockQ2_K>(bytes, random, 0.05f);
      break;
    case DType::q3_k:
      fill_blocks<BlockQ3_K>(bytes, random, 0.01f);
      break;
    case DType::q4_k:
      fill_blocks<BlockQ4_K>(bytes, random, 0.003f);
      break;
    case DType::q5_k:
      fill_blocks<BlockQ5_K>(bytes, random, 0.002f);
      break;
    case DType::q6_k:
      fill_blocks<BlockQ6_K>(bytes, random, 0.0005f);
      break;
    case DType::iq4_nl:
      fill_blocks<BlockIQ4_NL>(bytes, random, 0.01f);
      break;
    case DType::q4_g32:
      fill_blocks<BlockQ4_G32>(bytes, random, 0.2f);
      break;
    case DType::q4_g128:
      fill_blocks<BlockQ4_G128>(bytes, random, 0.2f);
      break;
    case DType::q8_g32:
      fill_blocks<BlockQ8_G32>(bytes, random, 0.01f);
      break;
    case DType::q2_g128:
      fill_blocks<BlockQ2_G128>(bytes, random, 0.5f);
      break;
    case DType::q3_g128:
      fill_blocks<BlockQ3_G128>(bytes, random, 0.3f);
      break;
    case DType::mxfp4:
      fill_blocks<BlockMXFP4>(bytes, random, 0);
      break;
    default:
      fill_blocks<BlockIQ4_XS>(bytes, random, 0.0005f);
      break;
  }
  return bytes;
}

// A weight in both layouts.
struct RandomWeight {
  RandomWeight(ThreadPool& pool, DType dtype, int64_t n_rows, int64_t n_cols, uint32_t seed)
      : bytes(random_rows(dtype, n_rows, n_cols, seed)),
        storage(panel_bytes(dtype, n_rows, n_cols)),
        rows(bytes.data(), dtype, {n_rows, n_cols}),
        panels(pack_panels(pool, rows, storage.data())) {}

  std::vector<std::byte> bytes;
  Storage storage;
  Tensor rows;
  Tensor panels;
};

}  // namespace tidemill
