// Room for the ids of a long text.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sys/huge_pages.h"

namespace tidemill {

// Where `ids` grow from `n_before` on with a text of which 1 / `rest` is done: room for all of it, as far as can be
// told. Doubling would copy more and touch up to three times the memory, which takes longer than finding the ids.
inline void reserve_for_rest(std::vector<int32_t>& ids, size_t n_before, double rest) {
  constexpr size_t kRoom = 2048;  // for more than a block of pieces becomes
  if (rest <= 1 || ids.capacity() - ids.size() >= kRoom) return;
  const double expected = static_cast<double>(ids.size() - n_before) * rest;
  ids.reserve(std::max(n_before + static_cast<size_t>(expected * 1.05) + kRoom, ids.capacity() + ids.capacity() / 2));
  advise_huge_pages(ids.data(), ids.capacity() * sizeof(int32_t));
}

}  // namespace tidemill
