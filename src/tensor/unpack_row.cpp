// Scalar code, good for embedding lookups.
#include "tensor/unpack_row.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <vector>

#include "tensor/blocks.h"
#include "tensor/half.h"
#include "tensor/panels.h"

namespace tidemill {

namespace {

// One row's view of a superblock.
struct RowSource {
  PanelFormat format;
  const uint8_t* header;
  int n_groups;
  int row;

  float f16(int offset, int index) const {
    uint16_t bits;
    std::memcpy(&bits, header + offset + 2 * (index * kPanelRows + row), sizeof bits);
    return f16_to_f32(bits);
  }
  uint8_t byte(int offset, int index) const { return header[offset + index * kPanelRows + row]; }
  const uint8_t* group(int g) const { return header + format.header_bytes(n_groups) + g * format.group_bytes(); }
};

// Six-bit number `index` of 16.
int six_bit(const RowSource& source, int index) {
  if (index < 12) return source.byte(0, index) & 63;
  int number = 0;
  for (int i = 0; i < 3; ++i) number |= source.byte(i * kVectorBytes, index - 12) >> 6 << (2 * i);
  return number;
}

struct ScaleAndMin {
  float scale;
  float min;     // subtracted
  int zero = 0;  // subtracted from a code
};

// Scale and min of part `part` (of scale_length elements) of the superblock.
ScaleAndMin scale_and_min(const RowSource& source, int part) {
  const int factors = source.format.factors();
  switch (source.format.scales) {
    case Scales::exponents:
      return {mxfp4_scale(source.byte(0, part)), 0};
    case Scales::zeros: {
      const int entry = part / source.format.groups_per_scale;
      return {source.f16(0, entry), 0, source.byte(source.format.zeros(source.n_groups), entry) - source.format.offset};
    }
    case Scales::per_group_min:
      return {source.f16(0, part), -source.f16(0, source.n_groups + part)};
    case Scales::six_bit:
      return {source.f16(factors, 0) * static_cast<float>(six_bit(source, part) - kSixBitOffset), 0};
    case Scales::six_bit_min:
      return {source.f16(factors, 0) * static_cast<float>(six_bit(source, part)),
              source.f16(factors, 1) * static_cast<float>(six_bit(source, part + 8))};
    case Scales::four_bit_min:
      return {source.f16(factors, 0) * static_cast<float>(source.byte(0, part) & 15),
              source.f16(factors, 1) * static_cast<float>(source.byte(0, part) >> 4)};
    case Scales::signed_bytes_16:
    case Scales::signed_bytes_8:
      return {source.f16(factors, 0) * static_cast<float>(static_cast<int8_t>(source.byte(0, part))), 0};
    default:
      return {source.f16(0, part), 0};
  }
}

// The plane's number of `bits` bits for element `i` of a group (panels.h).
int plane_number(const uint8_t* plane, int bits, int row, int i) {
  const int unit = i / 4;
  const int per_vector = bits == 4 ? 2 : 8 / bits;
  const int vector = bits == 4 ? unit % 4 : unit / per_vector;
  const int place = bits == 4 ? unit / 4 : unit % per_vector;
  return plane[vector * kVectorBytes + 4 * row + i % 4] >> (place * bits) & ((1 << bits) - 1);
}

int value_of(const PanelFormat& format, const uint8_t* group, int row, int i) {
  int code = plane_number(group, format.low_bits, row, i);
  if (format.codes == Codes::iq4_values) return kIQ4Values[code];
  if (format.codes == Codes::fp4_values) return kFP4Values[code];
  if (format.high_bits > 0) {
    code |= plane_number(group + format.high_plane(), format.high_bits, row, i) << format.low_bits;
  }
  return code - format.offset;
}

void unpack_superblock(const RowSource& source, float* out) {
  const int length = source.format.scale_length;
  for (int i = 0; i < source.n_groups * kGroupLength; i += length) {
    const ScaleAndMin s = scale_and_min(source, i / length);
    const uint8_t* group = source.group(i / kGroupLength);
    for (int j = i; j < i + length; ++j) {
      const int value = value_of(source.format, group, source.row, j % kGroupLength) - s.zero;
      out[j] = s.scale * static_cast<float>(value) - s.min;
    }
  }
}

// Element `row` of each [16] of a float panel.
template <typename Stored, typename Decode>
void unpack_float_row(const uint8_t* panel, int row, int64_t n_cols, float* out, Decode decode) {
  const auto* values = reinterpret_cast<const Stored*>(panel) + row;
  for (int64_t k = 0; k < n_cols; ++k) out[k] = decode(values[k * kPanelRows]);
}

void unpack_quantized_row(DType dtype, const uint8_t* panel, int row, int64_t n_cols, float* out) {
  const PanelFormat format = panel_format(dtype);
  for (int64_t k = 0; k < n_cols; k += kSuperblockLength) {
    const int n_groups = static_cast<int>(std::min<int64_t>(n_cols - k, kSuperblockLength)) / kGroupLength;
    unpack_superblock({format, panel, n_groups, row}, out + k);
    panel += format.superblock_bytes(n_groups);
  }
}

// Both halves are planes of 4 bits.
void unpack_halved_row(const Tensor& panels, int64_t row, float* out) {
  constexpr PanelFormat kHalf = panel_format(DType::q4_0);
  const int64_t n_cols = panels.dim(1), panel = row / kPanelRows;
  const int r = static_cast<int>(row % kPanelRows), offset = panel_format(panels.dtype()).offset;
  const HalvedStrides strides = halved_strides(n_cols);
  const uint8_t* high = panels.as<uint8_t>() + panel * strides.high;
  const uint8_t* low = panels.as<uint8_t>() + panel_count(panels.dim(0)) * strides.high + panel * strides.low;
  for (int64_t k = 0; k < n_cols; k += kSuperblockLength) {
    const int n_groups = static_cast<int>(std::min<int64_t>(n_cols - k, kSuperblockLength)) / kGroupLength;
    const RowSource source{kHalf, high, n_groups, r};
    for (int g = 0; g < n_groups; ++g, low += kHalf.group_bytes()) {
      const float scale = scale_and_min(source, g).scale;
      for (int i = 0; i < kGroupLength; ++i) {
        const int code = plane_number(source.group(g), 4, r, i) << 4 | plane_number(low, 4, r, i);
        *out++ = scale * static_cast<float>(code - offset);
      }
    }
    high += kHalf.superblock_bytes(n_groups);
  }
}

}  // namespace

void unpack_row(const Tensor& panels, int64_t row, float* out) {
  assert(panels.layout() != Layout::rows);
  if (const int32_t* const order = panels.column_order()) {
    std::vector<float> values(static_cast<size_t>(panels.dim(1)));
    unpack_row(panels.with_column_order(nullptr), row, values.data());
    for (size_t k = 0; k < values.size(); ++k) out[order[k]] = values[k];
    return;
  }
  if (panels.layout() == Layout::halved_panels) return unpack_halved_row(panels, row, out);
  const int64_t n_cols = panels.dim(1);
  const int r = static_cast<int>(row % kPanelRows);
  const uint8_t* panel = panels.as<uint8_t>() + row / kPanelRows * panel_stride(panels.dtype(), n_cols);
  switch (panels.dtype()) {
    case DType::f32:
      return unpack_float_row<float>(panel, r, n_cols, out, [](float value) { return value; });
    case DType::f16:
      return unpack_float_row<uint16_t>(panel, r, n_cols, out, f16_to_f32);
    case DType::bf16:
      return unpack_float_row<uint16_t>(panel, r, n_cols, out, bf16_to_f32);
    default:
      return unpack_quantized_row(panels.dtype(), panel, r, n_cols, out);
  }
}

}  // namespace tidemill
