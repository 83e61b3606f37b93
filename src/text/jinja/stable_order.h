// A stable sort that survives any comparison.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace tidemill::jinja {

// The indices 0 to size - 1 in the order of `before(a, b)`; equals stay as they are.  Merges runs of 1, 2, 4, ...
// items: unlike std::sort it stays inside of its memory when a template compares things that have no order, such as
// NaN, and it may be left by an exception.
template <typename Before>
std::vector<size_t> stable_order(size_t size, const Before& before) {
  std::vector<size_t> order(size), merged(size);
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t run = 1; run < size; run *= 2) {
    for (size_t begin = 0; begin < size; begin += 2 * run) {
      const auto at = [&](size_t index) { return order.begin() + static_cast<std::ptrdiff_t>(std::min(index, size)); };
      std::merge(at(begin), at(begin + run), at(begin + run), at(begin + 2 * run),
                 merged.begin() + static_cast<std::ptrdiff_t>(begin), before);
    }
    order.swap(merged);
  }
  return order;
}

}  // namespace tidemill::jinja
