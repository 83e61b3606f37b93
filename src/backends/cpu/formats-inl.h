// How a panel's planes and headers become units and scales, for every block format; see panels.h for the layout.
//
// Included once per target by the .cpp files that use foreach_target.h.
#include <cstring>

#include "backends/cpu/dot_int8-inl.h"
#include "backends/cpu/lanes-inl.h"
#include "tensor/blocks.h"
#include "tensor/panels.h"

#if defined(TIDEMILL_BACKENDS_CPU_FORMATS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TIDEMILL_BACKENDS_CPU_FORMATS_INL_H_
#undef TIDEMILL_BACKENDS_CPU_FORMATS_INL_H_
#else
#define TIDEMILL_BACKENDS_CPU_FORMATS_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// What a unit holds is the code less this.
constexpr int dot_offset(PanelFormat format) {
  return has_signed_units(format) ? 0 : format.offset;
}

// Entries of the format's table, as signed bytes or as unsigned ones `offset` higher.
template <DType kDType>
HWY_INLINE Words look_up(const Words& codes) {
  constexpr PanelFormat kFormat = panel_format(kDType);
  constexpr auto kValues = kFormat.codes == Codes::fp4_values ? kFP4Values : kIQ4Values;
  constexpr int kOffset = has_signed_units(kFormat) ? 0 : kFormat.offset;
  HWY_ALIGN uint8_t table[16];
  for (int i = 0; i < 16; ++i) table[i] = static_cast<uint8_t>(kValues[i] + kOffset);
  Words out;
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) {
#if HWY_TARGET == HWY_SCALAR
    const uint32_t word = hn::GetLane(codes.part[i]);
    uint32_t found = 0;
    for (int c = 0; c < 32; c += 8) found |= uint32_t{table[word >> c & 15]} << c;
    out.part[i] = hn::Set(DU(), found);
#else
    const hn::Repartition<uint8_t, DU> d8;
    out.part[i] = hn::BitCast(DU(), hn::TableLookupBytes(hn::LoadDup128(d8, table), hn::BitCast(d8, codes.part[i])));
#endif
  }
  return out;
}

template <int kOffset>
HWY_INLINE Words subtract_from_bytes(const Words& codes) {
  if constexpr (kOffset == 0) return codes;
  if constexpr (kOffset == kByteOffset) return codes ^ 0x80808080;
  Words out;
#if HWY_TARGET != HWY_SCALAR
  TIDEMILL_UNROLL
  for (int i = 0; i < kParts; ++i) {
    const hn::Repartition<uint8_t, DU> d8;
    out.part[i] = hn::BitCast(DU(), hn::Sub(hn::BitCast(d8, codes.part[i]), hn::Set(d8, kOffset)));
  }
#endif
  return out;
}

// Unit kUnit (0..7) of a group.
template <DType kDType, int kUnit>
HWY_INLINE Words unit_of(const uint8_t* group) {
  constexpr PanelFormat kFormat = panel_format(kDType);
  Words codes;
  if constexpr (kFormat.low_bits == 8) {
    codes = load_words(group + kUnit * kVectorBytes);
  } else if constexpr (kFormat.low_bits == 4) {
    codes = shift_and<kUnit / 4 * 4>(load_words(group + kUnit % 4 * kVectorBytes), 0x0f0f0f0f);
  } else {
    codes = shift_and<kUnit % 4 * 2>(load_words(group + kUnit / 4 * kVectorBytes), 0x03030303);
  }
  if constexpr (kFormat.is_table()) return look_up<kDType>(codes);
  const uint8_t* high = group + kFormat.high_plane();
  if constexpr (kFormat.high_bits == 1) {
    codes = codes | shift_and<kUnit - kFormat.low_bits>(load_words(high), 0x01010101u << kFormat.low_bits);
  }
  if constexpr (kFormat.high_bits == 2) {
    codes = codes | shift_and<kUnit % 4 * 2 - kFormat.low_bits>(load_words(high + kUnit / 4 * kVectorBytes),
                                                                0x03030303u << kFormat.low_bits);
  }
  return subtract_from_bytes<has_signed_units(kFormat) ? kFormat.offset : 0>(codes);
}

// A group of 32 elements where its codes lie.
template <DType kDType>
struct WholeGroup {
  static constexpr bool kSigned = has_signed_units(panel_format(kDType));
  const uint8_t* codes;
  template <int kUnit>
  HWY_INLINE Words unit() const {
    return unit_of<kDType, kUnit>(codes);
  }
};

// The same of halved panels: bytes put together from their halves.
struct HalvedGroup {
  static constexpr bool kSigned = has_signed_units(panel_format(DType::q8_0));
  const uint8_t* high;
  const uint8_t* low;
  template <int kUnit>
  HWY_INLINE Words unit() const {
    const Words highs = load_words(high + kUnit % 4 * kVectorBytes), lows = load_words(low + kUnit % 4 * kVectorBytes);
    const Words codes = kUnit < 4 ? shift_and<-4>(highs, 0xf0f0f0f0) | shift_and<0>(lows, 0x0f0f0f0f)
                                  : shift_and<0>(highs, 0xf0f0f0f0) | shift_and<4>(lows, 0x0f0f0f0f);
    return subtract_from_bytes<kSigned ? kByteOffset : 0>(codes);
  }
};

// sum + the products of units [kUnit, kEnd) with the activations x of their group.
template <int kUnit, int kEnd, typename Group>
HWY_INLINE Ints dot_units(const Ints& sum, const Group& group, const int8_t* x) {
  if constexpr (kUnit == kEnd) {
    return sum;
  } else {
    return dot_units<kUnit + 1, kEnd>(dot<Group::kSigned>(sum, group.template unit<kUnit>(), broadcast4(x + 4 * kUnit)),
                                      group, x);
  }
}

// The same with both halves of the activations, from `start` on.
template <int kUnit, int kEnd, typename Group>
HWY_INLINE Ints dot_halves(const Group& group, const int8_t* high, const int8_t* low, int32_t start) {
  const Ints of_high = dot_units<kUnit, kEnd>(set_ints(0), group, high);
  return dot_units<kUnit, kEnd>(shift_left<8>(of_high) + set_ints(start), group, low);
}

// The scales of one superblock for the 16 rows.
template <DType kDType>
class SuperblockScales {
 public:
  HWY_INLINE SuperblockScales(const uint8_t* header, int n_groups) : header_(header), n_groups_(n_groups) {
    if constexpr (kHasFactors) factor_ = load_f16(kFormat.factors());
    if constexpr (kHasFactors && kFormat.has_min()) {
      min_factor_ = load_f16(kFormat.factors() + 2 * kPanelRows) * -1.0f;
    }
    if constexpr (kIsSixBit) unpack_six_bit();
  }

  // Scale of part `part`, of scale_length elements of k.
  HWY_INLINE Floats scale(int part) const {
    if constexpr (kFormat.scales == Scales::exponents) return power_of_two(header_ + kPanelRows * part);
    if constexpr (!kHasFactors) return load_f16(2 * kPanelRows * (part / kFormat.groups_per_scale));
    return factor_ * to_floats(sub_scale(part));
  }

  // What the activations of that part add: -min or, in the formats that say so, +m; where there are zeros what they are
  // less than the offset, scaled.
  HWY_INLINE Floats min(int part) const {
    if constexpr (kFormat.scales == Scales::zeros) {
      const uint8_t* const zero = header_ + kFormat.zeros(n_groups_) + kPanelRows * (part / kFormat.groups_per_scale);
      return scale(part) * (to_floats(widen_to_ints(zero)) * -1.0f + set_floats(kFormat.offset));
    }
    if constexpr (!kHasFactors) return load_f16(2 * kPanelRows * (n_groups_ + part));
    return min_factor_ * to_floats(sub_min(part));
  }

 private:
  static constexpr PanelFormat kFormat = panel_format(kDType);
  static constexpr bool kHasFactors = kFormat.factors() > 0;
  static constexpr bool kIsSixBit = kFormat.scales == Scales::six_bit || kFormat.scales == Scales::six_bit_min;

  HWY_INLINE Floats load_f16(int offset) const {
    return widen_to_floats(reinterpret_cast<const hwy::float16_t*>(header_ + offset));
  }

  // mxfp4_scale of 16 exponents.
  HWY_INLINE static Floats power_of_two(const uint8_t* exponents) {
    constexpr int kBias = 127 - 64;
    const Ints exponent = widen_to_ints(exponents);
    const Ints half = shift_right<1>(exponent), rest = shift_right<1>(exponent + set_ints(1));
    return bits_as_floats(shift_left<23>(half + set_ints(kBias))) *
           bits_as_floats(shift_left<23>(rest + set_ints(kBias)));
  }

  HWY_INLINE void unpack_six_bit() {
    const Words v0 = load_words(header_), v1 = load_words(header_ + 64), v2 = load_words(header_ + 128);
    store_words(shift_and<0>(v0, 0x3f3f3f3f), numbers_);
    store_words(shift_and<0>(v1, 0x3f3f3f3f), numbers_ + 64);
    store_words(shift_and<0>(v2, 0x3f3f3f3f), numbers_ + 128);
    store_words(shift_and<6>(v0, 0x03030303) | shift_and<4>(v1, 0x0c0c0c0c) | shift_and<2>(v2, 0x30303030),
                numbers_ + 192);
  }

  HWY_INLINE Ints sub_scale(int part) const {
    const uint8_t* bytes = header_ + part * kPanelRows;
    if constexpr (kFormat.scales == Scales::six_bit_min) return widen_to_ints(numbers_ + part * kPanelRows);
    if constexpr (kFormat.scales == Scales::six_bit) {
      return widen_to_ints(numbers_ + part * kPanelRows) + set_ints(-kSixBitOffset);
    }
    if constexpr (kFormat.scales == Scales::four_bit_min) return widen_to_ints(bytes) & 15;
    return widen_to_ints(reinterpret_cast<const int8_t*>(bytes));
  }

  HWY_INLINE Ints sub_min(int part) const {
    if constexpr (kFormat.scales == Scales::six_bit_min) return widen_to_ints(numbers_ + (8 + part) * kPanelRows);
    return shift_right<4>(widen_to_ints(header_ + part * kPanelRows));
  }

  const uint8_t* header_;
  int n_groups_;
  Floats factor_;
  Floats min_factor_;
  alignas(kVectorBytes) uint8_t numbers_[kIsSixBit ? 256 : 1];  // six-bit numbers [16][16]
};

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include once per target
