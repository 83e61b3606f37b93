#include "compress/delta/rans_rounds.h"

#include <cstring>

#include "compress/delta/rans.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compress/delta/rans_rounds.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

HWY_INLINE uint32_t write_symbol(const RansShare& share, uint32_t x, uint16_t*& next) {
  *next = static_cast<uint16_t>(x);  // counts only if it is given
  const uint32_t frequency = share.frequency;
  const auto gives = static_cast<uint32_t>(x >> (31 - kTableBits) >= frequency);
  next += gives;
  x >>= 16 * gives;
  return x / frequency * (kTableSize - frequency) + x + share.start;
}

#if HWY_TARGET <= HWY_AVX2

// The quotients of rANS are exact in double precision: 31 bits by 13 leave more than 2^-13 to the next whole number,
// and (x + 1/2) / f is between the quotient and the next one.
class LaneWriter {
 public:
  static constexpr hn::CappedTag<uint32_t, HWY_TARGET == HWY_AVX2 ? 4 : 8> kLanes{};
  static constexpr hn::Rebind<int32_t, decltype(kLanes)> kSigned{};
  static constexpr hn::Rebind<double, decltype(kLanes)> kDouble{};
  static constexpr hn::Rebind<uint8_t, decltype(kLanes)> kBytes{};
  static constexpr hn::Rebind<uint16_t, decltype(kLanes)> kWords{};
  using Vec = hn::Vec<decltype(kLanes)>;

  // States in descending order, as they are written.
  static HWY_INLINE Vec write(const uint8_t* contexts, const uint8_t* symbols, const RansShare* shares, Vec x,
                              uint16_t*& next) {
    const auto tables = hn::PromoteTo(kLanes, hn::LoadU(kBytes, contexts));
    const auto places = hn::Or(hn::ShiftLeft<8>(tables), hn::PromoteTo(kLanes, hn::LoadU(kBytes, symbols)));
    const auto found = hn::GatherIndex(kLanes, reinterpret_cast<const uint32_t*>(shares),
                                       hn::BitCast(kSigned, hn::Reverse(kLanes, places)));
    const auto frequency = hn::BitCast(kSigned, hn::ShiftRight<16>(found));
    const auto start = hn::And(found, hn::Set(kLanes, 0xFFFF));
    const auto share = hn::Div(hn::Set(kDouble, 1.0), hn::PromoteTo(kDouble, frequency));
    const auto half = hn::Mul(share, hn::Set(kDouble, 0.5));

    const auto keeps = hn::Lt(hn::BitCast(kSigned, hn::ShiftRight<31 - kTableBits>(x)), frequency);
    const auto gives = hn::Not(hn::RebindMask(kLanes, keeps));
    const auto words = hn::Compress(hn::And(x, hn::Set(kLanes, 0xFFFF)), gives);
    hn::StoreU(hn::DemoteTo(kWords, hn::BitCast(kSigned, words)), kWords, next);
    next += hn::CountTrue(kLanes, gives);
    x = hn::IfThenElse(gives, hn::ShiftRight<16>(x), x);
    const auto numerator = hn::PromoteTo(kDouble, hn::BitCast(kSigned, x));
    const auto quotient = hn::DemoteTo(kSigned, hn::MulAdd(numerator, share, half));
    const auto complement = hn::Sub(hn::Set(kSigned, static_cast<int32_t>(kTableSize)), frequency);
    return hn::Add(hn::Add(x, start), hn::BitCast(kLanes, hn::Mul(quotient, complement)));
  }
};

// Whole rounds, from the last one.
uint16_t* write_rounds(const uint8_t* contexts, const uint8_t* symbols, size_t n, const RansShare* shares,
                       RansStates& states, uint16_t* next) {
  constexpr auto d = LaneWriter::kLanes;
  constexpr size_t kN = HWY_TARGET == HWY_AVX2 ? 4 : 8;
  auto high = hn::Reverse(d, hn::LoadU(d, states.data() + kRansLanes - kN));
  auto low = hn::Reverse(d, hn::LoadU(d, states.data()));  // the same where all fit into one
  for (size_t index = n; index > 0; index -= kRansLanes) {
    const size_t begin = index - kN;
    high = LaneWriter::write(contexts + begin, symbols + begin, shares, high, next);
    if constexpr (kN < kRansLanes)
      low = LaneWriter::write(contexts + begin - kN, symbols + begin - kN, shares, low, next);
  }
  if constexpr (kN < kRansLanes) hn::StoreU(hn::Reverse(d, low), d, states.data());
  hn::StoreU(hn::Reverse(d, high), d, states.data() + kRansLanes - kN);
  return next;
}

#else

uint16_t* write_rounds(const uint8_t* contexts, const uint8_t* symbols, size_t n, const RansShare* shares,
                       RansStates& states, uint16_t* next) {
  for (size_t index = n; index-- > 0;) {
    uint32_t& state = states[index % kRansLanes];
    state = write_symbol(shares[contexts[index] * kSharesPerTable + symbols[index]], state, next);
  }
  return next;
}

#endif

size_t write_rans_symbols(const uint8_t* contexts, const uint8_t* symbols, size_t n, const RansShare* shares,
                          RansStates& states, uint16_t* words) {
  uint16_t* next = words;
  for (; n % kRansLanes > 0; --n) {
    uint32_t& state = states[(n - 1) % kRansLanes];
    state = write_symbol(shares[contexts[n - 1] * kSharesPerTable + symbols[n - 1]], state, next);
  }
  return static_cast<size_t>(write_rounds(contexts, symbols, n, shares, states, next) - words);
}

#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL

// A cursor whose states are in a vector.
class RoundReader {
 public:
  explicit HWY_INLINE RoundReader(RansCursor& cursor)
      : cursor_(cursor), states_(hn::LoadU(kLanes, cursor.states.data())), words_(cursor.words) {}
  HWY_INLINE ~RoundReader() {
    hn::StoreU(states_, kLanes, cursor_.states.data());
    cursor_.words = words_;
    cursor_.n_read = n_read_;
  }

  HWY_INLINE bool has_round() const {
    return n_read_ + kRansLanes <= cursor_.n &&
           static_cast<size_t>(cursor_.end - words_) >= sizeof(uint16_t) * kRansLanes;
  }

  HWY_INLINE void read_round() {
    constexpr hn::Rebind<int32_t, decltype(kLanes)> signed_d;
    constexpr hn::Rebind<uint8_t, decltype(kLanes)> bytes_d;
    constexpr hn::Rebind<uint16_t, decltype(kLanes)> words_d;
    const auto contexts = hn::PromoteTo(kLanes, hn::LoadU(bytes_d, cursor_.contexts + n_read_));
    const auto places = hn::Or(hn::ShiftLeft<kTableBits>(contexts), hn::And(states_, hn::Set(kLanes, kTableSize - 1)));
    const auto entries = hn::GatherIndex(kLanes, cursor_.slots, hn::BitCast(signed_d, places));
    hn::StoreU(hn::U8FromU32(hn::And(entries, hn::Set(kLanes, 0xFF))), bytes_d, cursor_.symbols + n_read_);
    const auto frequencies = hn::Add(hn::And(hn::ShiftRight<8>(entries), hn::Set(kLanes, 0xFFF)), hn::Set(kLanes, 1));
    const auto shares = hn::Mul(frequencies, hn::ShiftRight<kTableBits>(states_));
    const auto x = hn::Add(shares, hn::ShiftRight<20>(entries));
    const auto takes = hn::Lt(x, hn::Set(kLanes, kRansLow));
    const auto next = hn::PromoteTo(kLanes, hn::LoadU(words_d, reinterpret_cast<const uint16_t*>(words_)));
    // Each state that takes a word gets the next one: an instruction that this Highway has no name for.
    const hn::Vec256<uint32_t> given{_mm256_maskz_expand_epi32(takes.raw, next.raw)};
    states_ = hn::IfThenElse(takes, hn::Or(hn::ShiftLeft<16>(x), given), x);
    words_ += sizeof(uint16_t) * hn::CountTrue(kLanes, takes);
    n_read_ += kRansLanes;
  }

 private:
  static constexpr hn::CappedTag<uint32_t, kRansLanes> kLanes{};

  RansCursor& cursor_;
  hn::Vec256<uint32_t> states_;
  const uint8_t* words_;
  size_t n_read_ = 0;
};

void read_one(RansCursor& cursor) {
  RoundReader reader(cursor);
  while (reader.has_round()) reader.read_round();
}

void read_two(RansCursor& one, RansCursor& other) {
  RoundReader first(one), second(other);
  while (first.has_round() && second.has_round()) {
    first.read_round();
    second.read_round();
  }
  while (first.has_round()) first.read_round();
  while (second.has_round()) second.read_round();
}

#else

void read_one(RansCursor& cursor) {
  RansStates& states = cursor.states;
  const auto has_round = [&] {
    return cursor.n_read + kRansLanes <= cursor.n &&
           static_cast<size_t>(cursor.end - cursor.words) >= sizeof(uint16_t) * kRansLanes;
  };
  for (; has_round(); cursor.n_read += kRansLanes) {
    const uint8_t* const contexts = cursor.contexts + cursor.n_read;
    uint8_t* const symbols = cursor.symbols + cursor.n_read;
    const uint8_t* next = cursor.words;
    // Unrolled, eight states and what they need are more than there are registers, and what every symbol waits for
    // would go through memory; so only the states do.
#pragma GCC unroll 1
    for (size_t lane = 0; lane < kRansLanes; ++lane) {
      uint32_t x = states[lane];
      const uint32_t entry = cursor.slots[size_t{contexts[lane]} * kTableSize + x % kTableSize];
      symbols[lane] = static_cast<uint8_t>(entry);
      x = ((entry >> 8 & 0xFFF) + 1) * (x >> kTableBits) + (entry >> 20);
      uint16_t word;
      std::memcpy(&word, next, sizeof(word));
      const auto takes = static_cast<uint32_t>(x < kRansLow);
      states[lane] = with_word(x, word, takes);
      next += sizeof(word) * takes;
    }
    cursor.words = next;
  }
}

// One after the other: eight states alone are as many as there are registers for.
void read_two(RansCursor& one, RansCursor& other) {
  read_one(one);
  read_one(other);
}

#endif

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(write_rans_symbols);
HWY_EXPORT(read_one);
HWY_EXPORT(read_two);

size_t write_rans_symbols(std::span<const uint8_t> contexts, std::span<const uint8_t> symbols, const RansShare* shares,
                          RansStates& states, uint16_t* words) {
  return HWY_DYNAMIC_DISPATCH(write_rans_symbols)(contexts.data(), symbols.data(), symbols.size(), shares, states,
                                                  words);
}

void read_rans_rounds(RansCursor& cursor) {
  HWY_DYNAMIC_DISPATCH(read_one)(cursor);
}

void read_rans_rounds(RansCursor& one, RansCursor& other) {
  HWY_DYNAMIC_DISPATCH(read_two)(one, other);
}

}  // namespace tidemill

#endif
