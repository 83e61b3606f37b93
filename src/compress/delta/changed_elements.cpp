#include "compress/delta/changed_elements.h"

#include <bit>
#include <cstring>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compress/delta/changed_elements.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <typename Unsigned>
size_t mark_changes_of(const std::byte* base, const std::byte* tuned, size_t n, uint64_t* masks) {
  const hn::CappedTag<Unsigned, kGroup / sizeof(Unsigned)> d;
  const auto* const was = reinterpret_cast<const Unsigned*>(base);
  const auto* const is = reinterpret_cast<const Unsigned*>(tuned);
  size_t n_changed = 0;
  size_t first = 0;
  for (; first + kGroup <= n; first += kGroup) {
    uint64_t changed = 0;
    for (size_t lane = 0; lane < kGroup; lane += hn::Lanes(d)) {
      const auto differs = hn::Ne(hn::LoadU(d, was + first + lane), hn::LoadU(d, is + first + lane));
      uint8_t bits[8] = {};
      hn::StoreMaskBits(d, differs, bits);
      uint64_t some;
      std::memcpy(&some, bits, sizeof(some));
      changed |= some << lane;
    }
    *masks++ = changed;
    n_changed += hwy::PopCount(changed);
  }
  if (first == n) return n_changed;
  uint64_t changed = 0;
  for (size_t index = first; index < n; ++index) {
    const bool differs =
        std::memcmp(base + index * sizeof(Unsigned), tuned + index * sizeof(Unsigned), sizeof(Unsigned)) != 0;
    changed |= uint64_t{differs} << (index - first);
  }
  *masks = changed;
  return n_changed + hwy::PopCount(changed);
}

template <typename Unsigned>
void list_changes_of(const std::byte* base, const std::byte* tuned, const uint64_t* masks, size_t n_groups,
                     uint32_t* indices, uint8_t* symbols) {
  for (size_t group = 0; group < n_groups; ++group) {
    for (uint64_t mask = masks[group]; mask != 0; mask &= mask - 1) {
      const size_t index = group * kGroup + hwy::Num0BitsBelowLS1Bit_Nonzero64(mask);
      *indices++ = static_cast<uint32_t>(index);
      *symbols++ = static_cast<uint8_t>(symbol_of(folded_difference<Unsigned>(base, tuned, index)));
    }
  }
}

size_t mark_changes(size_t n_bytes, const std::byte* base, const std::byte* tuned, size_t n, uint64_t* masks) {
  return with_width(n_bytes,
                    [&](auto width) HWY_ATTR { return mark_changes_of<decltype(width)>(base, tuned, n, masks); });
}

void list_changes(size_t n_bytes, const std::byte* base, const std::byte* tuned, const uint64_t* masks, size_t n_groups,
                  uint32_t* indices, uint8_t* symbols) {
  with_width(n_bytes, [&](auto width) HWY_ATTR {
    list_changes_of<decltype(width)>(base, tuned, masks, n_groups, indices, symbols);
  });
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(mark_changes);
HWY_EXPORT(list_changes);

ChangeMasks mark_changes(const BlockShape& shape, const std::byte* base, const std::byte* tuned) {
  ChangeMasks changes{Buffer<uint64_t>(n_groups_of(shape.n_elements)), 0};
  changes.n_changed =
      HWY_DYNAMIC_DISPATCH(mark_changes)(shape.form.n_bytes, base, tuned, shape.n_elements, changes.masks.data());
  return changes;
}

ChangeList list_changes(ChangeMasks changes, const BlockShape& shape, const std::byte* base, const std::byte* tuned) {
  const size_t n = changes.n_changed;
  ChangeList list{std::move(changes), Buffer<uint32_t>(n), Buffer<uint8_t>(n)};
  HWY_DYNAMIC_DISPATCH(list_changes)(shape.form.n_bytes, base, tuned, list.of.masks.data(), list.of.masks.size(),
                                     list.indices.data(), list.symbols.data());
  return list;
}

}  // namespace tidemill

#endif
