// What attention works on: blocks of queries that share keys and values, and the parts of their results.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "ops/operations.h"

namespace tidemill {

// Positions per tile; part of the arithmetic (attention_tile-inl.h), so changing it changes results in the last bits.
inline constexpr size_t kTileKeys = 128;
static_assert(kPageRows % kTileKeys == 0, "the rows of a tile lie side by side");
// Floats between the rows of scores, and of queries, which are kept in chunks of so many elements of head_dim: a
// constant lets the micro-kernel address all its rows from one pointer.
inline constexpr size_t kRowStride = kTileKeys;
// Queries whose scores become weights and meet the values while they are in first-level cache; a multiple of the rows
// of the micro-kernels.
inline constexpr size_t kQueriesAtOnce = 24;
// Rows of values are padded to the widest vector.
inline constexpr size_t kPadding = 16;

constexpr size_t padded(size_t n) {
  return (n + kPadding - 1) / kPadding * kPadding;
}

// Elements of head_dim in whole panels of two of the widest vectors.
constexpr size_t in_panels(size_t n) {
  return (n + 2 * kPadding - 1) / (2 * kPadding) * (2 * kPadding);
}

// Which positions a query sees: so many before its own and after it, of those that there are.
struct Sight {
  static constexpr int64_t kAll = int64_t{1} << 60;

  int64_t before = kAll, after = 0;
  int64_t n_keys = 0;  // positions of the run, with those of this step, that its caches have

  static Sight of(const StateRun& run, const AttentionOptions& options) {
    const int64_t reach = options.window == 0 ? kAll : options.window - 1;
    return {reach, options.both_ways ? reach : 0, std::min(run.first_pos + run.n_rows, run.keys.n_rows())};
  }
  // Positions that the query at `pos` sees: [first, end).
  int64_t first(int64_t pos) const { return std::max<int64_t>(0, pos - before); }
  int64_t end(int64_t pos) const { return std::min(n_keys, pos + after + 1); }
};

// Numbers for the scores of one run: row i, `stride` floats after the one before, has one for each of its keys.
struct ScoreBias {
  const float* rows = nullptr;  // null: none
  int64_t stride = 0;           // 0: all rows are the same

  const float* row(int64_t index) const { return rows + index * stride; }
};

// Queries of consecutive rows of one run, with all heads that share a key/value head.  Query `row * heads_per_kv +
// head` of the block is head `head` of the group at row `row`.
struct QueryBlock {
  const StateRun* run = nullptr;
  Sight sight;
  int64_t kv_head = 0;
  int64_t first_row = 0;  // within the run
  int64_t n_rows = 0;
  ScoreBias bias = {};

  int64_t first_pos() const { return run->first_pos + first_row; }

  // Tiles that some query sees: [tile_begin, tile_end).
  int64_t tile_begin() const { return sight.first(first_pos()) / kTile; }
  int64_t tile_end() const { return (sight.end(first_pos() + n_rows - 1) - 1) / kTile + 1; }

  // Rows that see some position of `tile`: [row_begin, row_end).
  int64_t row_begin(int64_t tile) const { return std::max<int64_t>(0, tile * kTile - sight.after - first_pos()); }
  int64_t row_end(int64_t tile) const { return std::min(n_rows, (tile + 1) * kTile + sight.before - first_pos()); }

 private:
  static constexpr int64_t kTile = kTileKeys;
};

// A tile that a block sees; without a block nothing.
struct BlockTile {
  const QueryBlock* block = nullptr;
  int64_t tile = 0;
};

// For each query of a block: the greatest score so far, the sum of exp(score - greatest), and the values summed with
// those weights.
struct Parts {
  float* greatest = nullptr;  // [n_queries]
  float* totals = nullptr;    // [n_queries]
  float* values = nullptr;    // [n_queries, padded(head_dim)]

  static size_t n_floats(size_t n_queries, size_t head_dim) {
    return n_queries * padded(head_dim) + 2 * padded(n_queries);
  }
  // Parts in `memory` of n_floats() floats, aligned to kPadding floats.
  static Parts at(float* memory, size_t n_queries, size_t head_dim) {
    float* const greatest = memory + n_queries * padded(head_dim);
    return {greatest, greatest + padded(n_queries), memory};
  }
};

// Memory of one thread while it works on a block of at most `n_queries` queries.
struct BlockScratch {
  float* q = nullptr;        // [chunks of head_dim][n_queries][kRowStride], scaled
  float* packed = nullptr;   // keys of a tile, transposed: [panels][head_dim][kPanelKeys]
  float* scores = nullptr;   // [kQueriesAtOnce][kRowStride], then weights
  float* values = nullptr;   // of a tile: [panels][kTileKeys][kPanelKeys]
  float* widened = nullptr;  // [2][kTileKeys][head_dim]: keys and values of a tile, where the cache is quantised
  Parts part;                // of one tile
  Parts sum;                 // of all tiles so far

  static size_t n_chunks(size_t head_dim) { return (head_dim + kRowStride - 1) / kRowStride; }
  static size_t n_floats(size_t n_queries, size_t head_dim) {
    return (n_chunks(head_dim) * n_queries + kQueriesAtOnce) * kRowStride +
           kTileKeys * (3 * head_dim + in_panels(head_dim)) + 2 * Parts::n_floats(n_queries, head_dim);
  }
  static BlockScratch at(float* memory, size_t n_queries, size_t head_dim) {
    BlockScratch scratch;
    scratch.q = memory;
    scratch.packed = scratch.q + n_chunks(head_dim) * n_queries * kRowStride;
    scratch.scores = scratch.packed + kTileKeys * head_dim;
    scratch.values = scratch.scores + kQueriesAtOnce * kRowStride;
    scratch.widened = scratch.values + kTileKeys * in_panels(head_dim);
    float* const parts = scratch.widened + 2 * kTileKeys * head_dim;
    scratch.part = Parts::at(parts, n_queries, head_dim);
    scratch.sum = Parts::at(parts + Parts::n_floats(n_queries, head_dim), n_queries, head_dim);
    return scratch;
  }
};

}  // namespace tidemill
