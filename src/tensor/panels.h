// Panels: the layout in which the CPU backend keeps weight matrices, made once at load, or before in a .tmill file, and
// streamed front to back.  One layout for every instruction set, part of that format: docs/formats/tmill.md says it for
// others, and a change here is a new version there.
//
// A weight [N, K] is cut into panels of 16 rows.  Within a panel the rows are interleaved so that one 64-byte vector
// holds, for each of the 16 rows, 4 consecutive elements of k (a "unit": byte 4 * r + c is element c of row r).  That
// is the operand of the int8 dot products of x86 and Arm, which sum 4 products per 32-bit lane: 16 results grow side by
// side, no horizontal sums are needed, and the same bytes serve one 512-bit, two 256-bit or four 128-bit registers.
// The last panel is filled up with rows of zeros.
//
// Float dtypes: K times [16 elements].
//
// Block formats: superblocks of 256 elements of k (the last one may hold fewer groups), each
//   header   scales of the superblock for the 16 rows, see `Scales`; padded to whole 64-byte vectors
//   groups   of 32 elements, each its bit planes: the low plane, then the high plane.
// An element is stored as an unsigned code, low bits in the low plane and the rest in the high plane:
//   8 bits   vector u (0..7) is unit u
//   4 bits   vector v (0..3): low nibbles unit v, high nibbles unit v + 4 (the order of GGUF's own nibbles)
//   2 bits   vector v (0..1): bits 2t..2t+1 are unit 4v + t
//   1 bit    one vector: bit u is unit u
// The value is d * scale * (code - offset), less dmin * min where there are mins; exactly what GGUF defines.  Where
// there are zeros it is d * (code - zero), and the offset only what kernels take off all codes alike.
//
// Halved panels, of Q8_0 only: the high four bits of all codes, then the low four.  The first part is panels as those
// of Q4_0 (the scales and a plane of 4 bits), one behind the other; the second one has only planes of 4 bits.  Each
// half is a stream of its own, so that the first alone, which tells scores roughly, costs little more than half the
// bytes.
#pragma once

#include <cstdint>

#include "tidemill/dtype.h"

namespace tidemill {

inline constexpr int kPanelRows = 16;
inline constexpr int kGroupLength = 32;        // elements of k that share bit planes
inline constexpr int kSuperblockLength = 256;  // elements of k that share a header
inline constexpr int kVectorBytes = 64;
inline constexpr int kUnitsPerGroup = kGroupLength / 4;
inline constexpr int kGroupsPerSuperblock = kSuperblockLength / kGroupLength;

// The dtypes that stay quantised: kernels make a case of each by handing a macro.
// clang-format off
#define TIDEMILL_QUANTISED_DTYPES(CASE)                       \
  CASE(q4_0) CASE(q4_1) CASE(q5_0) CASE(q5_1) CASE(q8_0)      \
  CASE(q2_k) CASE(q3_k) CASE(q4_k) CASE(q5_k) CASE(q6_k)      \
  CASE(iq4_nl) CASE(iq4_xs) CASE(mxfp4)                       \
  CASE(q4_g32) CASE(q4_g128) CASE(q8_g32)                     \
  CASE(q2_g128) CASE(q3_g128)
// clang-format on

// What a superblock's header holds; [..][16] means one value per row of the panel.
enum class Scales : uint8_t {
  none,             // float dtypes
  per_group,        // f16 d[n_groups][16]
  exponents,        // u8 e[n_groups][16]; d is mxfp4_scale(e) (tensor/blocks.h)
  per_group_min,    // f16 d[n_groups][16], f16 m[n_groups][16]; the value is d * code + m
  zeros,            // f16 d[n][16], u8 z[n][16], one for `groups_per_scale` groups; the value is d * (code - z)
  six_bit,          // six-bit scales[16][16], less 32; f16 d[16]
  six_bit_min,      // six-bit scales[8][16] and mins[8][16]; f16 d[16], f16 dmin[16]
  four_bit_min,     // u8 (scale | min << 4)[16][16]; f16 d[16], f16 dmin[16]
  signed_bytes_16,  // i8 scales[16][16]; f16 d[16]
  signed_bytes_8,   // i8 scales[8][16]; f16 d[16]
};

// Sixteen six-bit numbers v[0..15] per row take three vectors: number 4i + j of row r (i < 3) is the low six bits of
// byte 16 * j + r of vector i, and number 12 + j has two of its bits on top of each of them, lowest in vector 0.
inline constexpr int kSixBitBytes = 3 * kVectorBytes;
inline constexpr int kSixBitOffset = 32;  // what Scales::six_bit adds to a signed scale

// What a code c stands for before its scale.
enum class Codes : uint8_t {
  numbers,     // c - offset
  iq4_values,  // kIQ4Values[c] (tensor/blocks.h); `offset` makes all of them unsigned
  fp4_values,  // kFP4Values[c], likewise
};

struct PanelFormat {
  int low_bits;      // 2, 4 or 8; 0 for float dtypes
  int high_bits;     // 0, 1 or 2
  int offset;        // subtracted from a code
  int scale_length;  // elements of k that share a scale: 16 or 32
  Scales scales;
  Codes codes;
  int groups_per_scale = 1;  // of Scales::zeros, that share an entry of the header

  constexpr bool is_table() const { return codes != Codes::numbers; }

  constexpr bool is_quantized() const { return low_bits != 0; }
  constexpr bool has_min() const {
    return scales == Scales::per_group_min || scales == Scales::six_bit_min || scales == Scales::four_bit_min ||
           scales == Scales::zeros;
  }
  constexpr int group_bytes() const { return kVectorBytes / 8 * kUnitsPerGroup * (low_bits + high_bits); }
  constexpr int high_plane() const { return kVectorBytes / 8 * kUnitsPerGroup * low_bits; }  // offset within a group
  // Offset of the zeros within a header.
  constexpr int zeros(int n_groups) const { return 2 * kPanelRows * (n_groups / groups_per_scale); }
  // Offset of the f16 factors d (and dmin behind it) within the header of a format with sub-scales.
  constexpr int factors() const {
    switch (scales) {
      case Scales::six_bit:
      case Scales::six_bit_min:
        return kSixBitBytes;
      case Scales::four_bit_min:
      case Scales::signed_bytes_16:
        return 16 * kPanelRows;
      case Scales::signed_bytes_8:
        return 8 * kPanelRows;
      default:
        return 0;
    }
  }
  constexpr int header_bytes(int n_groups) const {
    const int row_of_f16 = 2 * kPanelRows;
    const int n_factors = has_min() ? 2 : 1;
    int bytes = factors() + n_factors * row_of_f16;
    if (scales == Scales::per_group || scales == Scales::per_group_min) bytes = n_groups * n_factors * row_of_f16;
    if (scales == Scales::exponents) bytes = n_groups * kPanelRows;
    if (scales == Scales::zeros) bytes = zeros(n_groups) / 2 * 3;
    return (bytes + kVectorBytes - 1) / kVectorBytes * kVectorBytes;
  }
  constexpr int superblock_bytes(int n_groups = kGroupsPerSuperblock) const {
    return header_bytes(n_groups) + n_groups * group_bytes();
  }
};

// What is added to a signed byte to keep it as an unsigned code.
inline constexpr int kByteOffset = 128;
// What is added to an entry of kFP4Values: the sums stay small enough for the quicker dot products.
inline constexpr int kFP4Offset = 12;

// The layout of a dtype; only for dtypes that `has_panels`.
constexpr PanelFormat panel_format(DType dtype) {
  switch (dtype) {
    case DType::q4_0:
      return {4, 0, 8, 32, Scales::per_group, Codes::numbers};
    case DType::q4_1:
      return {4, 0, 0, 32, Scales::per_group_min, Codes::numbers};
    case DType::q5_0:
      return {4, 1, 16, 32, Scales::per_group, Codes::numbers};
    case DType::q5_1:
      return {4, 1, 0, 32, Scales::per_group_min, Codes::numbers};
    case DType::q8_0:
      return {8, 0, kByteOffset, 32, Scales::per_group, Codes::numbers};
    case DType::q2_k:
      return {2, 0, 0, 16, Scales::four_bit_min, Codes::numbers};
    case DType::q3_k:
      return {2, 1, 4, 16, Scales::six_bit, Codes::numbers};
    case DType::q4_k:
      return {4, 0, 0, 32, Scales::six_bit_min, Codes::numbers};
    case DType::q5_k:
      return {4, 1, 0, 32, Scales::six_bit_min, Codes::numbers};
    case DType::q6_k:
      return {4, 2, 32, 16, Scales::signed_bytes_16, Codes::numbers};
    case DType::iq4_nl:
      return {4, 0, kByteOffset, 32, Scales::per_group, Codes::iq4_values};
    case DType::iq4_xs:
      return {4, 0, kByteOffset, 32, Scales::signed_bytes_8, Codes::iq4_values};
    case DType::mxfp4:
      return {4, 0, kFP4Offset, 32, Scales::exponents, Codes::fp4_values};
    case DType::q4_g32:
      return {4, 0, 8, 32, Scales::zeros, Codes::numbers};
    case DType::q4_g128:
      return {4, 0, 8, 32, Scales::zeros, Codes::numbers, 4};
    case DType::q8_g32:
      return {8, 0, kByteOffset, 32, Scales::zeros, Codes::numbers};
    case DType::q2_g128:
      return {2, 0, 2, 32, Scales::zeros, Codes::numbers, 4};
    case DType::q3_g128:
      return {2, 1, 4, 32, Scales::zeros, Codes::numbers, 4};
    default:
      return {0, 0, 0, 32, Scales::none, Codes::numbers};
  }
}

// Whether matrices of that dtype can be kept in panels: f32, f16, bf16 and the block formats.
bool has_panels(DType dtype);

// Bytes from one panel to the next of a matrix with `n_cols` columns; a multiple of 64.
int64_t panel_stride(DType dtype, int64_t n_cols);

// Bytes of a whole matrix.  Throws unsupported for a dtype without panels, and invalid_argument when a row does not
// hold whole blocks or the size does not fit.
int64_t panel_bytes(DType dtype, int64_t n_rows, int64_t n_cols);

// Whether matrices of that dtype can be kept in halved panels.
constexpr bool has_halved_panels(DType dtype) {
  return dtype == DType::q8_0;
}

// Whether a head of that size is quicker in halved panels: it must be too large for caches.
constexpr bool is_worth_halving(DType dtype, int64_t n_rows, int64_t n_cols) {
  constexpr int64_t kLeastElements = 16 << 20;
  return has_halved_panels(dtype) && n_cols > 0 && n_rows >= kLeastElements / n_cols;
}

// Bytes from one panel to the next in each part of halved panels; together those of a whole panel.
struct HalvedStrides {
  int64_t high, low;
};
HalvedStrides halved_strides(int64_t n_cols);

constexpr int64_t panel_count(int64_t n_rows) {
  return n_rows / kPanelRows + (n_rows % kPanelRows == 0 ? 0 : 1);  // of any number, as a file may claim it
}

}  // namespace tidemill
