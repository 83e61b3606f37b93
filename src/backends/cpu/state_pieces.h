// How recurrent operations are cut into pieces for threads: rows of a sequence follow one another, so a piece is some
// units (heads, or blocks of channels) of one sequence over all its rows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "backends/cpu/grain.h"
#include "ops/operations.h"
#include "sys/thread_pool.h"

namespace tidemill {

inline constexpr int64_t kChannelBlock = 64;  // channels of a unit, where channels have no heads: four whole vectors

constexpr int64_t channel_blocks(int64_t width) {
  return (width + kChannelBlock - 1) / kChannelBlock;
}

// Calls `body(run, begin, end)` so that every unit in [0, n_units) of every run is met once.  `row_cost` is what a row
// of a unit costs, in elements of simple work.
template <typename Body>
void for_each_piece(ThreadPool& pool, std::span<const StateRun> runs, int64_t n_units, int64_t row_cost, Body&& body) {
  const auto n_runs = static_cast<int64_t>(runs.size());
  int64_t n_rows = 0;
  for (const StateRun& run : runs) n_rows += run.n_rows;
  if (n_rows == 0) return;
  const int64_t grain = std::max<int64_t>(1, kElementsPerPiece * n_runs / (n_rows * row_cost));
  pool.parallel_for(n_runs * n_units, grain, [&](int64_t begin, int64_t end, int) {
    while (begin < end) {
      const int64_t first = begin % n_units, last = std::min(n_units, first + end - begin);
      const StateRun& run = runs[static_cast<size_t>(begin / n_units)];
      if (run.n_rows > 0) body(run, first, last);
      begin += last - first;
    }
  });
}

// The same in blocks of channels of rows of `width`: body(run, first_channel, end_channel).
template <typename Body>
void for_each_channel_piece(ThreadPool& pool, std::span<const StateRun> runs, int64_t width, int64_t channel_cost,
                            Body&& body) {
  for_each_piece(pool, runs, channel_blocks(width), kChannelBlock * channel_cost,
                 [&](const StateRun& run, int64_t begin, int64_t end) {
                   body(run, begin * kChannelBlock, std::min(width, end * kChannelBlock));
                 });
}

// The part of a run's slot that belongs to channels or heads from `offset` on.
inline float* state_of(const StateRun& run, const SlotPart& part, int64_t offset) {
  return run.slot.as<float>() + part.begin + offset;
}

}  // namespace tidemill
