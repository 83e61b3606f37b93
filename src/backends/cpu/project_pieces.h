// How linear layers over one input are cut into pieces of work: some rows of the input times some outputs of one layer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "backends/cpu/grain.h"
#include "ops/operations.h"
#include "sys/thread_pool.h"
#include "tensor/panels.h"

namespace tidemill {

inline constexpr int64_t kStripePanels = 3;  // of a piece: what the widest tile reads at a time
inline constexpr int64_t kStripe = kStripePanels * kPanelRows;

struct ProjectPiece {
  size_t layer;
  int64_t column, width;  // outputs [column, column + width) of the layer
  int64_t first, end;     // rows of the input
};

// Calls `run(piece)` for pieces of at most about `most_rows` rows, over the threads of `pool`.  Pieces with the same
// rows are neighbours: these stay in second-level cache while all weights pass by.
template <typename Run>
void for_each_piece(ThreadPool& pool, const op::Project& o, int64_t most_rows, const Run& run) {
  constexpr int64_t kRowMultiple = 8, kFewestRows = 32;
  constexpr int64_t kPiecesPerThread = 8;  // so that no thread waits long for the last one
  const int64_t n_rows = o.x.dim(0);
  int64_t n_stripes = 0;
  for (const Tensor& weight : o.weights) n_stripes += ceil_div(weight.dim(0), kStripe);
  if (n_rows == 0 || n_stripes == 0) return;
  int64_t n_blocks = ceil_div(n_rows, std::max(kRowMultiple, most_rows));
  if (pool.n_threads() > 1) {
    const int64_t wanted = ceil_div(kPiecesPerThread * pool.n_threads(), n_stripes);
    n_blocks = std::max(n_blocks, std::min(wanted, n_rows / kFewestRows));
  }
  const int64_t rows = round_up(ceil_div(n_rows, n_blocks), kRowMultiple);
  const int64_t n_pieces = ceil_div(n_rows, rows) * n_stripes;
  // A thread takes neighbours, since each piece asks for the weights of the next.
  const int64_t grain = std::max<int64_t>(1, n_pieces / (kPiecesPerThread * pool.n_threads()));
  pool.parallel_for(n_pieces, grain, [&](int64_t begin, int64_t end, int) {
    for (int64_t index = begin; index < end; ++index) {
      const int64_t first = index / n_stripes * rows;
      int64_t stripe = index % n_stripes;
      size_t layer = 0;
      for (int64_t n; stripe >= (n = ceil_div(o.weights[layer].dim(0), kStripe)); ++layer) stripe -= n;
      const int64_t column = stripe * kStripe;
      run(ProjectPiece{.layer = layer,
                       .column = column,
                       .width = std::min(kStripe, o.weights[layer].dim(0) - column),
                       .first = first,
                       .end = std::min(first + rows, n_rows)});
    }
  });
}

}  // namespace tidemill
