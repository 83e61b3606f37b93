// Room for the ids of a long text.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sys/huge_pages.h"

namespace tidemill {

// Room for `n_next` more ids; where there is none, for `n_expected` in all. Doubling would copy more and touch up to
// three times the memory, which takes longer than finding the ids.
inline void make_room(std::vector<int32_t>& ids, size_t n_next, double n_expected) {
  if (ids.capacity() - ids.size() >= n_next) return;
  const size_t wanted = std::max(ids.size(), static_cast<size_t>(n_expected * 1.05)) + n_next;
  ids.reserve(std::max(wanted, ids.capacity() + ids.capacity() / 2));
  advise_huge_pages(ids.data(), ids.capacity() * sizeof(int32_t));
}

// Where `ids` grow from `n_before` on with a text of which 1 / `rest` is done: room for all of it, as far as can be
// told.
inline void reserve_for_rest(std::vector<int32_t>& ids, size_t n_before, double rest) {
  constexpr size_t kRoom = 2048;  // for more than a block of pieces becomes
  if (rest <= 1) return;
  make_room(ids, kRoom, static_cast<double>(n_before) + static_cast<double>(ids.size() - n_before) * rest);
}

}  // namespace tidemill
