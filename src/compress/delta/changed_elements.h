// Which elements of a block changed, and how.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "compress/delta/buffer.h"
#include "compress/delta/element_form.h"

namespace tidemill {

inline constexpr size_t kGroup = 64;  // elements, of which each mask holds a bit

inline constexpr size_t n_groups_of(size_t n_elements) {
  return (n_elements + kGroup - 1) / kGroup;
}

// A bit for each element of the block, and how many of them are set.
struct ChangeMasks {
  Buffer<uint64_t> masks;
  size_t n_changed = 0;
};
ChangeMasks mark_changes(const BlockShape& shape, const std::byte* base, const std::byte* tuned);

// The elements that changed, in order, with the symbols of their differences.
struct ChangeList {
  ChangeMasks of;
  Buffer<uint32_t> indices;
  Buffer<uint8_t> symbols;
};
ChangeList list_changes(ChangeMasks changes, const BlockShape& shape, const std::byte* base, const std::byte* tuned);

}  // namespace tidemill
