#include "text/unicode/utf8_blocks.h"

#include <array>
#include <cstdint>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "text/unicode/utf8_blocks.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "text/unicode/utf8_errors.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR

size_t valid_blocks(const uint8_t*, size_t) {
  return 0;
}

#else

// No bit where each byte from `bytes` on is right behind the three before it.
template <class D>
HWY_INLINE hn::Vec<D> errors_at(D d, const uint8_t* bytes) {
  const auto low_half = hn::Set(d, uint8_t{0x0F});
  const auto look_up = [&](const uint8_t* table, hn::Vec<D> index)
                           HWY_ATTR { return hn::TableLookupBytes(hn::LoadDup128(d, table), index); };
  const auto now = hn::LoadU(d, bytes);
  const auto before = hn::LoadU(d, bytes - 1);
  const auto kinds = hn::And(hn::And(look_up(kFirstHigh, hn::ShiftRight<4>(before)),  //
                                     look_up(kFirstLow, hn::And(before, low_half))),
                             look_up(kSecondHigh, hn::ShiftRight<4>(now)));
  // Behind E0 and more the byte after next continues, too; behind F0 and more also the one after that.
  const auto third = hn::SaturatedSub(hn::LoadU(d, bytes - 2), hn::Set(d, uint8_t{0xE0 - 0x80}));
  const auto fourth = hn::SaturatedSub(hn::LoadU(d, bytes - 3), hn::Set(d, uint8_t{0xF0 - 0x80}));
  const auto must_continue = hn::And(hn::Or(third, fourth), hn::Set(d, uint8_t{kTwoContinue}));
  return hn::Xor(must_continue, kinds);
}

// How many bytes, in whole blocks from `bytes` on, are right behind those before them, of which three can be read.
size_t valid_blocks(const uint8_t* bytes, size_t size) {
  const hn::CappedTag<uint8_t, kUtf8Block> d;
  size_t pos = 0;
  for (; pos + kUtf8Block <= size; pos += kUtf8Block) {
    auto any = hn::LoadU(d, bytes + pos - 3);
    for (size_t k = 0; k < kUtf8Block; k += hn::Lanes(d)) any = hn::Or(any, hn::LoadU(d, bytes + pos + k));
    if (hn::AllTrue(d, hn::Lt(any, hn::Set(d, uint8_t{0x80})))) continue;
    auto errors = hn::Zero(d);
    for (size_t k = 0; k < kUtf8Block; k += hn::Lanes(d)) errors = hn::Or(errors, errors_at(d, bytes + pos + k));
    if (!hn::AllTrue(d, hn::Eq(errors, hn::Zero(d)))) break;
  }
  return pos;
}

#endif

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(valid_blocks);

size_t valid_utf8_blocks(std::string_view text) {
  // A block looks at three bytes before it.
  constexpr size_t kBefore = 3;
  if (text.size() < kBefore + kUtf8Block) return 0;
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  for (size_t k = 0; k < kBefore; ++k) {
    if (bytes[k] >= 0x80) {
      // Before the text stands ASCII.
      std::array<uint8_t, kBefore + kUtf8Block> start{};
      std::memcpy(start.data() + kBefore, bytes, kUtf8Block);
      if (HWY_DYNAMIC_DISPATCH(valid_blocks)(start.data() + kBefore, kUtf8Block) == 0) return 0;
      break;
    }
  }
  size_t end = kBefore + HWY_DYNAMIC_DISPATCH(valid_blocks)(bytes + kBefore, text.size() - kBefore);
  // The last character may go on behind.
  size_t lead = end;
  while (lead > 0 && (bytes[lead - 1] & 0xC0) == 0x80) --lead;
  return lead > 0 && bytes[lead - 1] >= 0xC0 ? lead - 1 : lead;
}

}  // namespace tidemill

#endif
