// What a tile of linear layers asks for while it computes.
#pragma once

#include <hwy/cache_control.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace tidemill {

// The panels that come after these, as the tiles of all rows together read them: each tile asks for its share, evenly
// over the steps of its loop.
class Ahead {
 public:
  // `next`: the panels after these, of which a step of a tile reads `step_bytes`; `n_tiles` read these.
  Ahead(const void* next, int64_t step_bytes, int64_t n_tiles)
      : next_(static_cast<const std::byte*>(next)), step_(std::max<int64_t>(1, step_bytes / n_tiles)) {}

  // The share of a tile, of n_steps steps.
  Ahead of_tile(int64_t tile, int64_t n_steps) const { return {next_ + tile * n_steps * step_, step_}; }

  void ask(int64_t step) const {
    const std::byte* const at = next_ + step * step_;
    hwy::Prefetch(at);
    if (step_ > kLine) hwy::Prefetch(at + kLine);
    if (step_ > 2 * kLine) hwy::Prefetch(at + 2 * kLine);
  }

 private:
  static constexpr int64_t kLine = 64;
  Ahead(const std::byte* next, int64_t step) : next_(next), step_(step) {}

  const std::byte* next_;
  int64_t step_;
};

}  // namespace tidemill
