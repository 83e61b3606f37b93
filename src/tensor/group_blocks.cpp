#include "tensor/group_blocks.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "tensor/blocks.h"
#include "tensor/half.h"

namespace tidemill {
namespace {

// A block's place in a matrix: its codes, and the group that all of them are in.
struct GroupSpan {
  const uint8_t* codes;
  float scale;
  int zero;
};

bool is_whole_in(const GroupQuantized& matrix, int64_t length) {
  const bool is_one_group = matrix.n_groups() == 1;
  return matrix.n_cols % length == 0 && (is_one_group || matrix.group_size % length == 0);
}

bool is_f16(float number) {
  return f16_to_f32(f32_to_f16(number)) == number;
}

bool is_symmetric(const GroupQuantized& matrix) {
  const auto middle = static_cast<float>(1 << (matrix.bits - 1));
  return std::ranges::all_of(matrix.zeros, [middle](float zero) { return zero == middle; });
}

// Codes of 32 elements as nibbles, each `more` higher.
void put_nibbles(const uint8_t* codes, int more, uint8_t* quants) {
  for (int i = 0; i < 16; ++i) quants[i] = static_cast<uint8_t>((codes[i] + more) | (codes[i + 16] + more) << 4);
}

void fill(const GroupSpan& span, BlockQ4_0& block) {
  put_nibbles(span.codes, 8 - span.zero, block.quants);
}

void fill(const GroupSpan& span, BlockQ8_0& block) {
  for (int i = 0; i < block.kLength; ++i) block.quants[i] = static_cast<int8_t>(span.codes[i] - span.zero);
}

template <int kElements>
void fill(const GroupSpan& span, BlockQ4Group<kElements>& block) {
  block.zero = static_cast<uint16_t>(span.zero);
  for (int i = 0; i < kElements; i += 32) put_nibbles(span.codes + i, 0, block.quants + i / 2);
}

template <int kBits>
void fill(const GroupSpan& span, BlockFewBitsGroup<kBits>& block) {
  block.zero = static_cast<uint16_t>(span.zero);
  pack_few_bits(span.codes, block);
}

void fill(const GroupSpan& span, BlockQ8_G32& block) {
  block.zero = static_cast<uint16_t>(span.zero);
  std::copy_n(span.codes, block.kLength, block.quants);
}

// Calls visit(span, first element) for every `length` elements of a group.
template <typename Visit>
void for_each_span(const GroupQuantized& matrix, int64_t length, const Visit& visit) {
  const int64_t n_groups = matrix.n_groups();
  for (int64_t row = 0; row < matrix.n_rows; ++row) {
    const float* const scales = matrix.scales.data() + row * n_groups;
    const float* const zeros = matrix.zeros.data() + row * n_groups;
    const uint8_t* const codes = matrix.q.data() + row * matrix.n_cols;
    for (int64_t k = 0; k < matrix.n_cols; k += length) {
      const int64_t group = matrix.g_idx.empty() ? k / matrix.group_size : matrix.g_idx[static_cast<size_t>(k)];
      visit(GroupSpan{codes + k, scales[group], static_cast<int>(zeros[group])}, row * matrix.n_cols + k);
    }
  }
}

template <typename Block>
void make_blocks(const GroupQuantized& matrix, std::byte* target) {
  for_each_span(matrix, Block::kLength, [target](const GroupSpan& span, int64_t first) {
    Block block;
    block.scale = f32_to_f16(span.scale);
    fill(span, block);
    std::memcpy(target + first / Block::kLength * static_cast<int64_t>(sizeof block), &block, sizeof block);
  });
}

void make_floats(const GroupQuantized& matrix, std::byte* target) {
  for_each_span(matrix, 1, [target](const GroupSpan& span, int64_t index) {
    const float value = static_cast<float>(*span.codes - span.zero) * span.scale;
    std::memcpy(target + index * static_cast<int64_t>(sizeof value), &value, sizeof value);
  });
}

}  // namespace

std::vector<int32_t> put_in_order(GroupQuantized& matrix) {
  const auto n_cols = static_cast<size_t>(matrix.n_cols);
  std::vector<int32_t> order(matrix.g_idx.empty() ? 0 : n_cols);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](int32_t col) { return matrix.g_idx[static_cast<size_t>(col)]; });
  for (size_t k = 0; k < order.size(); ++k) {
    if (matrix.g_idx[static_cast<size_t>(order[k])] != static_cast<int64_t>(k) / matrix.group_size) return {};
  }
  if (order.empty()) return order;
  std::vector<uint8_t> row(n_cols);
  for (int64_t n = 0; n < matrix.n_rows; ++n) {
    uint8_t* const codes = matrix.q.data() + n * matrix.n_cols;
    std::copy_n(codes, n_cols, row.begin());
    for (size_t k = 0; k < n_cols; ++k) codes[k] = row[static_cast<size_t>(order[k])];
  }
  matrix.g_idx.clear();
  return order;
}

DType group_dtype(const GroupQuantized& matrix, bool is_reordered) {
  if (!matrix.g_idx.empty() || !is_whole_in(matrix, 32) || !std::ranges::all_of(matrix.scales, is_f16))
    return DType::f32;
  const bool is_plain = !is_reordered && is_symmetric(matrix);
  if (matrix.bits > 4) return is_plain ? DType::q8_0 : DType::q8_g32;
  if (is_plain) return DType::q4_0;
  if (!is_whole_in(matrix, BlockQ4_G128::kLength)) return DType::q4_g32;
  return matrix.bits == 4 ? DType::q4_g128 : matrix.bits == 3 ? DType::q3_g128 : DType::q2_g128;
}

void make_group_rows(const GroupQuantized& matrix, DType dtype, std::byte* target) {
  switch (dtype) {
    case DType::q4_0:
      return make_blocks<BlockQ4_0>(matrix, target);
    case DType::q8_0:
      return make_blocks<BlockQ8_0>(matrix, target);
    case DType::q4_g32:
      return make_blocks<BlockQ4_G32>(matrix, target);
    case DType::q4_g128:
      return make_blocks<BlockQ4_G128>(matrix, target);
    case DType::q8_g32:
      return make_blocks<BlockQ8_G32>(matrix, target);
    case DType::q2_g128:
      return make_blocks<BlockQ2_G128>(matrix, target);
    case DType::q3_g128:
      return make_blocks<BlockQ3_G128>(matrix, target);
    default:
      return make_floats(matrix, target);
  }
}

}  // namespace tidemill
