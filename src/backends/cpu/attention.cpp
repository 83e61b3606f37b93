#include "backends/cpu/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "backends/cpu/grain.h"
#include "tensor/blocks.h"
#include "tensor/half.h"
#include "tensor/quantize.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/attention.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once per target.
#include <hwy/highway.h>

#include "backends/cpu/attention_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// Rounds to the nearest f16, ties to even; what is too large becomes the largest one.
void store_f16(const float* source, uint16_t* target, int64_t n) {
  constexpr float kLargest = 65504.0f;
  int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SSE4  // there Highway truncates
  const FloatTag d;
  const hn::Rebind<hwy::float16_t, FloatTag> d16;
  for (; i + static_cast<int64_t>(kFloatLanes) <= n; i += kFloatLanes) {
    const auto v = hn::Max(hn::Set(d, -kLargest), hn::Min(hn::Set(d, kLargest), hn::LoadU(d, source + i)));
    hn::StoreU(hn::DemoteTo(d16, v), d16, reinterpret_cast<hwy::float16_t*>(target + i));
  }
#endif
  for (; i < n; ++i) target[i] = f32_to_f16(std::clamp(source[i], -kLargest, kLargest));
}

// The keys of a tile that a query at a position sees, [first, end), counted from the tile's first.
struct TileSight {
  TileSight(const QueryBlock& block, int64_t tile)
      : sight(block.sight), tile_pos(tile * static_cast<int64_t>(kTileKeys)) {}
  size_t first(int64_t pos) const { return static_cast<size_t>(std::max<int64_t>(0, sight.first(pos) - tile_pos)); }
  size_t end(int64_t pos) const { return std::min(kTileKeys, static_cast<size_t>(sight.end(pos) - tile_pos)); }

  Sight sight;
  int64_t tile_pos;
};

template <typename T>
static TileRows<T> rows_of(const QueryBlock& block, int64_t tile, const AttentionOptions& options) {
  const int64_t pos = tile * static_cast<int64_t>(kTileKeys), column = block.kv_head * options.head_dim;
  const PagedRows &keys = block.run->keys, &values = block.run->values;
  return {keys.row<T>(pos) + column, values.row<T>(pos) + column, static_cast<size_t>(keys.row_bytes()) / sizeof(T)};
}

// The part of a cache that a tile needs.
static RowRange range_of(PagedRows StateRun::* cache, const BlockTile& at, const AttentionOptions& options) {
  if (at.block == nullptr) return {};
  const QueryBlock& block = *at.block;
  const PagedRows& rows = block.run->*cache;
  const TileSight sees(block, at.tile);
  const size_t first = sees.first(block.first_pos() + block.row_begin(at.tile));
  const size_t end = sees.end(block.first_pos() + block.row_end(at.tile) - 1);
  const int64_t head_bytes = size_bytes(rows.dtype(), {options.head_dim});
  return {.first = rows.row<std::byte>(sees.tile_pos + static_cast<int64_t>(first)) + block.kv_head * head_bytes,
          .stride_bytes = static_cast<size_t>(rows.row_bytes()),
          .row_bytes = static_cast<size_t>(head_bytes),
          .n_rows = end - first};
}

// What is fetched while the scores of a tile are computed, and then while its values are summed.
struct Fetched {
  RowRange with_scores, with_sums;
};

// Those of a cache in Q8_0, widened; as many as some query sees.
static TileRows<float> widened_rows(const QueryBlock& block, int64_t tile, const AttentionOptions& options,
                                    const BlockScratch& scratch) {
  const TileSight sees(block, tile);
  const size_t n_keys = sees.end(block.first_pos() + block.row_end(tile) - 1);
  const auto head_dim = static_cast<size_t>(options.head_dim);
  const int64_t n_blocks = options.head_dim / BlockQ8_0::kLength;
  float* target = scratch.widened;
  for (const PagedRows& cache : {block.run->keys, block.run->values}) {
    for (size_t key = 0; key < n_keys; ++key) {
      const auto* source = cache.row<BlockQ8_0>(sees.tile_pos + static_cast<int64_t>(key)) + block.kv_head * n_blocks;
      float* row = target + key * head_dim;
      for (int64_t i = 0; i < n_blocks; ++i, ++source, row += BlockQ8_0::kLength) {
        const float scale = f16_to_f32(source->scale);
        for (int j = 0; j < BlockQ8_0::kLength; ++j) row[j] = scale * static_cast<float>(source->quants[j]);
      }
    }
    target += kTileKeys * head_dim;
  }
  return {scratch.widened, scratch.widened + kTileKeys * head_dim, head_dim};
}

static void add_row(float* scores, const float* bias, size_t n) {
  for_each_vector(FloatTag(), n,
                  [&](auto load, auto store) HWY_ATTR { store(hn::Add(load(scores), load(bias)), scores); });
}

template <typename T>
static void attend(const QueryBlock& block, int64_t tile, const TileRows<T>& rows, const Fetched& fetched,
                   const AttentionOptions& options, const BlockScratch& scratch, const Parts& part) {
  const int64_t group = options.n_heads / options.n_kv_heads;
  const auto head_dim = static_cast<size_t>(options.head_dim);
  const int64_t row_begin = block.row_begin(tile), row_end = block.row_end(tile);
  const TileSight sees(block, tile);
  const int64_t tile_pos = sees.tile_pos;
  const size_t first_key = sees.first(block.first_pos() + row_begin);
  const size_t n_keys = sees.end(block.first_pos() + row_end - 1);
  const size_t first_panel = first_key / kPanelKeys * kPanelKeys;
  const auto first_query = static_cast<size_t>(row_begin * group);
  const auto n_queries = static_cast<size_t>((row_end - row_begin) * group);
  const size_t chunk_stride = static_cast<size_t>(block.n_rows * group) * kRowStride;

  const float* const q = scratch.q + first_query * kRowStride;
  // A few queries go over keys and values once, many over panels of them in a cache.
  const bool is_few = n_queries <= kFewQueries;
  static_assert(kFewQueries <= kQueriesAtOnce);
  const size_t n_squares = (n_keys - first_panel + kFloatLanes - 1) / kFloatLanes * ((head_dim - 1) / kFloatLanes + 1);
  RowFetcher with_scores(fetched.with_scores, n_squares);
  const bool is_packed = n_queries > kUnpackedQueries;
  if (is_packed) pack_keys(rows, first_panel, n_keys, head_dim, with_scores, scratch.packed);
  if (!is_few) {
    RowFetcher with_values(fetched.with_sums, n_keys - first_key);
    pack_values(rows, first_key, n_keys, head_dim, with_values, scratch.values);
  }
  const auto soften_query = [&](size_t query, float* scores) HWY_ATTR {
    const int64_t pos = block.first_pos() + static_cast<int64_t>(query) / group;
    if (!options.distance_bias.empty()) {
      const int64_t farthest = options.distance_bias.dim(1) / 2;
      const int64_t head = block.kv_head * group + static_cast<int64_t>(query) % group;
      add_bias(scores, sees.first(pos), sees.end(pos), tile_pos - pos,
               options.distance_bias.row<float>(head) + farthest, farthest);
    }
    if (block.bias.rows != nullptr) {
      const size_t first = sees.first(pos);
      add_row(scores + first, block.bias.row(block.first_row + static_cast<int64_t>(query) / group) + tile_pos + first,
              sees.end(pos) - first);
    }
    if (options.soft_cap != 0) cap_scores(scores, first_key, n_keys, options.soft_cap);
    soften(scores, first_key, n_keys, sees.first(pos), sees.end(pos), &part.greatest[query], &part.totals[query]);
  };
  for (size_t i = 0; i < n_queries; i += kQueriesAtOnce) {
    const size_t n = std::min(kQueriesAtOnce, n_queries - i);
    if (is_packed) {
      score(q + i * kRowStride, chunk_stride, n, scratch.packed, head_dim, first_key, n_keys, scratch.scores);
    } else {
      score_unpacked(q, chunk_stride, n, rows, head_dim, first_key, n_keys, with_scores, scratch.scores);
    }
    for (size_t j = 0; j < n; ++j) soften_query(first_query + i + j, scratch.scores + j * kRowStride);
    float* const sums = part.values + (first_query + i) * padded(head_dim);
    if (is_few) {
      sum_values(scratch.scores, n, rows.values, rows.stride, first_key, n_keys, head_dim,
                 RowFetcher(fetched.with_sums, n_sum_steps(n_keys - first_key, head_dim)), sums, padded(head_dim));
    } else {
      sum_packed(scratch.scores, n, scratch.values, first_key, n_keys, head_dim, sums, padded(head_dim));
    }
  }
}

// Computes the part that a tile gives to the queries of its block that see it; their scaled q is in `scratch`.  `next`
// is what the thread computes then, as far as is known.
void attend_tile(const BlockTile& at, const BlockTile& next, const AttentionOptions& options,
                 const BlockScratch& scratch, const Parts& part) {
  const QueryBlock& block = *at.block;
  const auto range = [&](PagedRows StateRun::* cache, const BlockTile& tile) { return range_of(cache, tile, options); };
  const RowRange next_keys = range(&StateRun::keys, next);
  if (block.run->keys.dtype() == DType::q8_0) {  // both are widened first
    const auto rows = widened_rows(block, at.tile, options, scratch);
    return attend(block, at.tile, rows, {next_keys, range(&StateRun::values, next)}, options, scratch, part);
  }
  const Fetched fetched = {range(&StateRun::values, at), next_keys};
  if (block.run->keys.dtype() == DType::f16) {
    attend(block, at.tile, rows_of<hwy::float16_t>(block, at.tile, options), fetched, options, scratch, part);
  } else {
    attend(block, at.tile, rows_of<float>(block, at.tile, options), fetched, options, scratch, part);
  }
}

// Adds `part` to `sum` for queries [begin, end).
void join_parts(const Parts& sum, const Parts& part, size_t begin, size_t end, size_t head_dim) {
  const FloatTag d;
  for (size_t first = begin; first < end; first += kFloatLanes) {
    const size_t n = std::min(kFloatLanes, end - first);
    HWY_ALIGN float old_factors[kFloatLanes], new_factors[kFloatLanes];
    const auto load = [&](const float* of_queries) HWY_ATTR { return load_first(d, of_queries + first, n); };
    const FloatVec old_greatest = load(sum.greatest), new_greatest = load(part.greatest);
    const FloatVec greatest = hn::Max(old_greatest, new_greatest);
    const FloatVec old_factor = exp_f32(d, hn::Sub(old_greatest, greatest));
    const FloatVec new_factor = exp_f32(d, hn::Sub(new_greatest, greatest));
    const FloatVec kept = hn::Mul(load(sum.totals), old_factor);
    store_first(d, hn::Add(kept, hn::Mul(load(part.totals), new_factor)), sum.totals + first, n);
    store_first(d, greatest, sum.greatest + first, n);
    hn::Store(old_factor, d, old_factors);
    hn::Store(new_factor, d, new_factors);
    for (size_t i = 0; i < n; ++i) {
      float* const target = sum.values + (first + i) * padded(head_dim);
      const float* const source = part.values + (first + i) * padded(head_dim);
      const FloatVec of_old = hn::Set(d, old_factors[i]), of_new = hn::Set(d, new_factors[i]);
      for (size_t j = 0; j < head_dim; j += kFloatLanes) {
        const FloatVec old_values = hn::Mul(hn::LoadU(d, target + j), of_old);
        hn::StoreU(hn::MulAdd(hn::LoadU(d, source + j), of_new, old_values), d, target + j);
      }
    }
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace tidemill {

HWY_EXPORT(store_f16);
HWY_EXPORT(attend_tile);
HWY_EXPORT(join_parts);

namespace {

constexpr int64_t kMaxQueries = 128;  // in a block: enough that packing keys and values costs little beside using them
constexpr int64_t kMinQueries = 16;   // below this packing weighs more than idle threads

int64_t group_size(const AttentionOptions& options) {
  return options.n_heads / options.n_kv_heads;
}

// Calls `visit(query, head, values)` for the queries of `block`: head `head` of `rows` (q or out), and where its
// numbers begin there.  Few numbers of each row are of the block, too far apart for the processor to ask for them in
// time.
template <class Visit>
void for_each_query(const Tensor& rows, const QueryBlock& block, const AttentionOptions& options, const Visit& visit) {
  constexpr int64_t kRowsAhead = 4, kLineFloats = 16;
  const int64_t group = group_size(options), first_head = block.kv_head * group;
  int64_t query = 0;
  for (int64_t row = 0; row < block.n_rows; ++row) {
    float* const values = rows.row<float>(block.run->first_row + block.first_row + row);
    for (int64_t i = 0; i < group * options.head_dim; i += kLineFloats) {
      __builtin_prefetch(values + kRowsAhead * rows.dim(1) + first_head * options.head_dim + i);
    }
    for (int64_t head = first_head; head < first_head + group; ++head) {
      visit(query++, head, values + head * options.head_dim);
    }
  }
}

// Copies the scaled queries of `block` to `target` in the chunks that BlockScratch describes.
void load_queries(const Tensor& q, const QueryBlock& block, const AttentionOptions& options, float* target) {
  const int64_t n_queries = block.n_rows * group_size(options);
  constexpr int64_t kChunk = kRowStride;
  for_each_query(q, block, options, [&](int64_t query, int64_t, const float* source) {
    for (int64_t first = 0; first < options.head_dim; first += kChunk) {
      float* const chunk = target + (first / kChunk * n_queries + query) * kChunk;
      const int64_t n = std::min(kChunk, options.head_dim - first);
      for (int64_t i = 0; i < n; ++i) chunk[i] = source[first + i] * options.scale;
    }
  });
}

void clear(const Parts& parts, int64_t n_queries, int64_t head_dim) {
  std::fill_n(parts.greatest, n_queries, -std::numeric_limits<float>::infinity());
  std::fill_n(parts.totals, n_queries, 0.0f);
  std::fill_n(parts.values, static_cast<size_t>(n_queries) * padded(head_dim), 0.0f);
}

void join_tile(const QueryBlock& block, int64_t tile, const AttentionOptions& options, const Parts& sum,
               const Parts& part) {
  const auto group = static_cast<size_t>(group_size(options));
  HWY_DYNAMIC_DISPATCH(join_parts)
  (sum, part, static_cast<size_t>(block.row_begin(tile)) * group, static_cast<size_t>(block.row_end(tile)) * group,
   static_cast<size_t>(options.head_dim));
}

void store_results(const Parts& sum, const QueryBlock& block, const AttentionOptions& options, const Tensor& out) {
  for_each_query(out, block, options, [&](int64_t query, int64_t head, float* target) {
    const float* const values = sum.values + static_cast<size_t>(query) * padded(options.head_dim);
    const float sink = options.sinks.empty() ? 0.0f : std::exp(options.sinks.as<float>()[head] - sum.greatest[query]);
    const float factor = 1.0f / (sum.totals[query] + sink);
    for (int64_t i = 0; i < options.head_dim; ++i) target[i] = values[i] * factor;
  });
}

}  // namespace

void Attention::compute(const op::Attention& operation) {
  AttentionOptions options = operation.options;
  if (!options.distance_bias.empty()) options.distance_bias = by_head(options.distance_bias);
  compute(operation.q, with_caches(operation), options, {}, operation.out);
}

void Attention::compute(const Tensor& q, std::span<const StateRun> runs, const AttentionOptions& options,
                        std::span<const ScoreBias> biases, const Tensor& out) {
  cut(runs, biases, options);
  const int64_t n_floats = BlockScratch::n_floats(std::max(kMaxQueries, group_size(options)), options.head_dim);
  thread_scratch_.floats(pool_.n_threads() * static_cast<int64_t>(padded(n_floats)));
  is_worth_splitting(options) ? run_tiles(q, options, out) : run_blocks(q, options, out);
}

std::span<const StateRun> Attention::with_caches(const op::Attention& operation) {
  const auto lacks_caches = [](const StateRun& run) { return run.keys.empty(); };
  if (std::ranges::none_of(operation.runs, lacks_caches)) {
    append(operation.k, operation.v, operation.runs);
    return operation.runs;
  }
  runs_.assign(operation.runs.begin(), operation.runs.end());
  for (StateRun& run : runs_) {
    if (!lacks_caches(run)) {
      append(operation.k, operation.v, {&run, 1});
      continue;
    }
    run.keys = operation.k.slice(0, run.first_row, run.first_row + run.n_rows);
    run.values = operation.v.slice(0, run.first_row, run.first_row + run.n_rows);
  }
  return runs_;
}

Tensor Attention::by_head(const Tensor& bias) {
  const int64_t n_distances = bias.dim(0), n_heads = bias.dim(1);
  const Tensor result(bias_.floats(bias.n_elements()), DType::f32, {n_heads, n_distances});
  for (int64_t distance = 0; distance < n_distances; ++distance) {
    for (int64_t head = 0; head < n_heads; ++head) result.row<float>(head)[distance] = bias.row<float>(distance)[head];
  }
  return result;
}

void Attention::append(const Tensor& k, const Tensor& v, std::span<const StateRun> runs) {
  const int64_t width = k.dim(1);
  const auto to_f16 = &HWY_DYNAMIC_DISPATCH(store_f16);
  const auto store = [&](const Tensor& rows, int64_t row, const PagedRows& cache, int64_t pos) {
    if (cache.dtype() == DType::f16) {
      to_f16(rows.row<float>(row), cache.row<uint16_t>(pos), width);
    } else if (cache.dtype() == DType::q8_0) {
      quantize_q8_0({rows.row<float>(row), static_cast<size_t>(width)}, cache.row<std::byte>(pos));
    } else {
      std::memcpy(cache.row<float>(pos), rows.row<float>(row), static_cast<size_t>(width) * sizeof(float));
    }
  };
  for (const StateRun& run : runs) {
    pool_.parallel_for(run.n_rows, rows_per_piece(2 * width), [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row) {
        store(k, run.first_row + row, run.keys, run.first_pos + row);
        store(v, run.first_row + row, run.values, run.first_pos + row);
      }
    });
  }
}

void Attention::cut(std::span<const StateRun> runs, std::span<const ScoreBias> biases,
                    const AttentionOptions& options) {
  const int64_t group = group_size(options);
  for (int64_t n_queries = kMaxQueries;; n_queries /= 2) {
    const int64_t rows = std::max<int64_t>(1, n_queries / group);
    blocks_.clear();
    for (size_t index = 0; index < runs.size(); ++index) {
      const StateRun& run = runs[index];
      const ScoreBias bias = biases.empty() ? ScoreBias() : biases[index];
      // The last rows see most: they come first, so that no thread is left alone with them at the end.
      for (int64_t end = run.n_rows; end > 0; end -= std::min(rows, end)) {
        const int64_t first = std::max<int64_t>(0, end - rows);
        for (int64_t kv_head = 0; kv_head < options.n_kv_heads; ++kv_head) {
          blocks_.push_back({&run, Sight::of(run, options), kv_head, first, end - first, bias});
        }
      }
    }
    queries_per_block_ = rows * group;
    if (n_queries == kMinQueries || std::ssize(blocks_) >= 2 * pool_.n_threads()) return;
  }
}

bool Attention::is_worth_splitting(const AttentionOptions& options) const {
  return pool_.n_threads() > 1 && std::ssize(blocks_) < 4 * pool_.n_threads() &&
         queries_per_block_ <= std::max(kMinQueries, group_size(options));
}

void Attention::run_blocks(const Tensor& q, const AttentionOptions& options, const Tensor& out) {
  const auto attend = &HWY_DYNAMIC_DISPATCH(attend_tile);
  const auto n_floats = padded(BlockScratch::n_floats(queries_per_block_, options.head_dim));
  float* const memory = thread_scratch_.floats(0);
  pool_.parallel_for(std::ssize(blocks_), 1, [&](int64_t begin, int64_t end, int thread) {
    const auto scratch = BlockScratch::at(memory + thread * n_floats, queries_per_block_, options.head_dim);
    for (int64_t i = begin; i < end; ++i) {
      const QueryBlock& block = blocks_[i];
      load_queries(q, block, options, scratch.q);
      const auto after = [&](int64_t tile) -> BlockTile {
        if (tile + 1 < block.tile_end()) return {&block, tile + 1};
        // The blocks between are most likely those of the other threads.
        const int64_t next = i + pool_.n_threads();
        return next < std::ssize(blocks_) ? BlockTile{&blocks_[next], blocks_[next].tile_begin()} : BlockTile();
      };
      int64_t tile = block.tile_begin();
      if (block.row_begin(tile) == 0 && block.row_end(tile) == block.n_rows) {
        attend({&block, tile}, after(tile), options, scratch, scratch.sum);  // as it would be joined to nothing
        ++tile;
      } else {
        clear(scratch.sum, block.n_rows * group_size(options), options.head_dim);
      }
      for (; tile < block.tile_end(); ++tile) {
        attend({&block, tile}, after(tile), options, scratch, scratch.part);
        join_tile(block, tile, options, scratch.sum, scratch.part);
      }
      store_results(scratch.sum, block, options, out);
    }
  });
}

void Attention::run_tiles(const Tensor& q, const AttentionOptions& options, const Tensor& out) {
  const auto attend = &HWY_DYNAMIC_DISPATCH(attend_tile);
  const auto n_floats = padded(BlockScratch::n_floats(queries_per_block_, options.head_dim));
  const auto part_floats = Parts::n_floats(queries_per_block_, options.head_dim);
  int64_t n_slots = 0, n_most_slots = 0;  // tiles that a block sees, and that it may see before the cache is full
  for (const QueryBlock& block : blocks_) {
    n_slots = std::max(n_slots, block.tile_end() - block.tile_begin());
    n_most_slots = std::max(n_most_slots, block.run->keys.n_rows() / static_cast<int64_t>(kTileKeys) + 1);
  }
  const int64_t n_blocks = std::ssize(blocks_);
  float* const memory = thread_scratch_.floats(0);
  float* const parts = parts_.floats(n_blocks * n_most_slots * static_cast<int64_t>(part_floats));
  const auto part_of = [&](int64_t block, int64_t slot) {
    return Parts::at(parts + (block * n_slots + slot) * part_floats, queries_per_block_, options.head_dim);
  };
  const auto tile_at = [&](int64_t i) -> BlockTile {
    if (i >= n_blocks * n_slots) return {};
    const QueryBlock& block = blocks_[i / n_slots];
    const int64_t tile = block.tile_begin() + i % n_slots;
    return tile < block.tile_end() ? BlockTile{&block, tile} : BlockTile();
  };
  pool_.parallel_for(n_blocks * n_slots, 1, [&](int64_t begin, int64_t end, int thread) {
    const auto scratch = BlockScratch::at(memory + thread * n_floats, queries_per_block_, options.head_dim);
    for (int64_t i = begin; i < end; ++i) {
      const BlockTile at = tile_at(i);
      if (at.block == nullptr) continue;
      load_queries(q, *at.block, options, scratch.q);
      // The tiles between are most likely those of the other threads.
      attend(at, tile_at(i + pool_.n_threads()), options, scratch, part_of(i / n_slots, i % n_slots));
    }
  });
  const int64_t join_cost = n_slots * queries_per_block_ * options.head_dim;
  pool_.parallel_for(n_blocks, rows_per_piece(join_cost), [&](int64_t begin, int64_t end, int thread) {
    const auto scratch = BlockScratch::at(memory + thread * n_floats, queries_per_block_, options.head_dim);
    for (int64_t i = begin; i < end; ++i) {
      const QueryBlock& block = blocks_[i];
      clear(scratch.sum, block.n_rows * group_size(options), options.head_dim);
      for (int64_t tile = block.tile_begin(); tile < block.tile_end(); ++tile) {
        join_tile(block, tile, options, scratch.sum, part_of(i, tile - block.tile_begin()));
      }
      store_results(scratch.sum, block, options, out);
    }
  });
}

}  // namespace tidemill

#endif  // HWY_ONCE
