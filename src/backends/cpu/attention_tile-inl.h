// Attention of a block of queries over one tile of keys, and how tiles are joined.
//
// Positions are cut into tiles of kTileKeys at fixed borders.  A tile gives each query that sees some of it a part:
// the greatest score, the sum of exp(score - greatest), and the values summed with those weights; parts are joined
// tile after tile (online softmax, Dao et al. 2022, arXiv:2205.14135).  A part depends on its own query and the keys
// and values that the query sees, by a fixed order of operations: a score is summed over head_dim front to back, a
// weighted value over positions front to back, and invisible positions inside a tile add exact zeros.  So a result is
// the same bit for bit however queries are grouped and whoever computes which tile.
//
// Both products run in one micro-kernel: lanes of 2 vectors of columns times up to 12 rows of broadcast numbers.  For
// the scores the columns are keys, which `pack_keys` transposes, or for few queries `score_unpacked` in registers; for
// the values they are elements of head_dim, of which `pack_values` makes panels where many queries share them.
//
// Included once per Highway target (foreach_target.h).
#if defined(TIDEMILL_BACKENDS_CPU_ATTENTION_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TIDEMILL_BACKENDS_CPU_ATTENTION_TILE_INL_H_
#undef TIDEMILL_BACKENDS_CPU_ATTENTION_TILE_INL_H_
#else
#define TIDEMILL_BACKENDS_CPU_ATTENTION_TILE_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/cpu/attention_block.h"
#include "backends/cpu/math-inl.h"
#include "backends/cpu/row_fetcher.h"
#include "backends/cpu/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

using FloatTag = hn::ScalableTag<float>;
using FloatVec = hn::Vec<FloatTag>;

constexpr size_t kPanelVectors = 2;
constexpr size_t kPanelKeys = kPanelVectors * kFloatLanes;
// Rows of the micro-kernel: 2 * 12 sums and 3 operands fit 32 registers of 512 bits, 2 * 6 the 16 registers of AVX2.
constexpr size_t kMaxRows = kFloatLanes >= 16 ? 12 : 6;
static_assert(kTileKeys % kPanelKeys == 0 && kPadding % kFloatLanes == 0);

HWY_INLINE FloatVec load_f32(const float* p) {
  return hn::LoadU(FloatTag(), p);
}
HWY_INLINE FloatVec load_f32(const hwy::float16_t* p) {
  const hn::Rebind<hwy::float16_t, FloatTag> d16;
  return hn::PromoteTo(FloatTag(), hn::LoadU(d16, p));
}
HWY_INLINE FloatVec load_f32_first(const float* p, size_t n) {
  return load_first(FloatTag(), p, n);
}
HWY_INLINE FloatVec load_f32_first(const hwy::float16_t* p, size_t n) {
  const hn::Rebind<hwy::float16_t, FloatTag> d16;
  return hn::PromoteTo(FloatTag(), load_first(d16, p, n));
}

// Blocks of at most so many queries spend their time on reading keys and values rather than on arithmetic.
constexpr size_t kFewQueries = 16;

// So few that keys are not packed for them.
constexpr size_t kUnpackedQueries = 8;

// Keys and values of one head in a tile: rows of head_dim numbers, `stride` numbers apart.
template <typename T>
struct TileRows {
  const T* keys;
  const T* values;
  size_t stride;
};

// A square of keys: elements [first, first + kFloatLanes) of keys [key, key + kFloatLanes), transposed, so that vector
// i holds element first + i of each key.  Keys from n_keys on and elements from head_dim on are zeros.
template <typename T>
HWY_INLINE void load_square(const TileRows<T>& tile, size_t key, size_t n_keys, size_t first, size_t head_dim,
                            FloatVec (&rows)[kFloatLanes]) {
  const size_t n = std::min(kFloatLanes, n_keys - key), depth = std::min(kFloatLanes, head_dim - first);
  const size_t stride = tile.stride;
  const T* source = tile.keys + key * stride + first;
  if (n == kFloatLanes && depth == kFloatLanes) {
    for (size_t i = 0; i < kFloatLanes; ++i) rows[i] = load_f32(source + i * stride);
  } else {
    for (size_t i = 0; i < kFloatLanes; ++i) {
      rows[i] = i < n ? load_f32_first(source + i * stride, depth) : hn::Zero(FloatTag());
    }
  }
  transpose(rows);
}

// Keys [first_key, n_keys) of a tile, from the start of a panel on -> panels of [head_dim][kPanelKeys] f32; keys that
// are missing in the last panel become zeros.  `fetcher` takes a step for each square.
template <typename T>
void pack_keys(const TileRows<T>& tile, size_t first_key, size_t n_keys, size_t head_dim, RowFetcher& fetcher,
               float* packed) {
  for (size_t key = first_key; key < n_keys; key += kFloatLanes) {
    float* const target = packed + key / kPanelKeys * kPanelKeys * head_dim + key % kPanelKeys;
    for (size_t first = 0; first < head_dim; first += kFloatLanes) {
      FloatVec rows[kFloatLanes];
      fetcher.step();
      load_square(tile, key, n_keys, first, head_dim, rows);
      const size_t depth = std::min(kFloatLanes, head_dim - first);
      for (size_t i = 0; i < depth; ++i) hn::StoreU(rows[i], FloatTag(), target + (first + i) * kPanelKeys);
    }
  }
}

enum class Start { zero, sum };  // where a product begins: at zero, or at what the output holds

// c[i][j] = sum over k < depth of a[i][k] * b[k][j] for kRows rows and kVectors vectors of columns, k front to back.
// a has kRowStride floats between rows; `load_b(k, v)` gives vector v of row k.
template <size_t kRows, size_t kVectors, class LoadB>
HWY_INLINE void multiply_block(const float* a, size_t depth, const LoadB& load_b, float* c, size_t c_stride,
                               Start start) {
  const FloatTag d;
  FloatVec sums[kRows][kVectors];
  for (size_t i = 0; i < kRows; ++i) {
    for (size_t v = 0; v < kVectors; ++v) {
      sums[i][v] = start == Start::sum ? hn::LoadU(d, c + i * c_stride + v * kFloatLanes) : hn::Zero(d);
    }
  }
  for (size_t k = 0; k < depth; ++k) {
    FloatVec b[kVectors];
    for (size_t v = 0; v < kVectors; ++v) b[v] = load_b(k, v);
    for (size_t i = 0; i < kRows; ++i) {
      const FloatVec broadcast = hn::Set(d, a[i * kRowStride + k]);
      for (size_t v = 0; v < kVectors; ++v) sums[i][v] = hn::MulAdd(broadcast, b[v], sums[i][v]);
    }
  }
  for (size_t i = 0; i < kRows; ++i) {
    for (size_t v = 0; v < kVectors; ++v) hn::StoreU(sums[i][v], d, c + i * c_stride + v * kFloatLanes);
  }
}

// The same for any number of rows.
template <size_t kVectors, class LoadB>
HWY_INLINE void multiply(const float* a, size_t n_rows, size_t depth, const LoadB& load_b, float* c, size_t c_stride,
                         Start start) {
  size_t i = 0;
  for (; i + kMaxRows <= n_rows; i += kMaxRows) {
    multiply_block<kMaxRows, kVectors>(a + i * kRowStride, depth, load_b, c + i * c_stride, c_stride, start);
  }
  for (; i + 4 <= n_rows; i += 4) {
    multiply_block<4, kVectors>(a + i * kRowStride, depth, load_b, c + i * c_stride, c_stride, start);
  }
  for (; i < n_rows; ++i) {
    multiply_block<1, kVectors>(a + i * kRowStride, depth, load_b, c + i * c_stride, c_stride, start);
  }
}

// scores[i][key] = q[i] . key for the packed keys [first_key, n_keys), in whole panels; q in chunks of kRowStride.
void score(const float* q, size_t chunk_stride, size_t n_rows, const float* packed, size_t head_dim, size_t first_key,
           size_t n_keys, float* scores) {
  for (size_t key = first_key / kPanelKeys * kPanelKeys; key < n_keys; key += kPanelKeys) {
    for (size_t first = 0; first < head_dim; first += kRowStride) {
      const float* const panel = packed + key * head_dim + first * kPanelKeys;
      multiply<kPanelVectors>(
          q + first / kRowStride * chunk_stride, n_rows, std::min(kRowStride, head_dim - first),
          [panel](size_t k, size_t v)
              HWY_ATTR { return hn::LoadU(FloatTag(), panel + k * kPanelKeys + v * kFloatLanes); },
          scores + key, kRowStride, first == 0 ? Start::zero : Start::sum);
    }
  }
}

// The same for kRows queries and keys as they lie: each square is used while it is in registers.  Packed keys, which
// many queries share, would go through the second-level cache for these.
template <size_t kRows, typename T>
void score_unpacked(const float* q, size_t chunk_stride, const TileRows<T>& rows, size_t head_dim, size_t first_key,
                    size_t n_keys, RowFetcher& fetcher, float* scores) {
  const FloatTag d;
  for (size_t key = first_key / kFloatLanes * kFloatLanes; key < n_keys; key += kFloatLanes) {
    FloatVec sums[kRows];
    for (FloatVec& sum : sums) sum = hn::Zero(d);
    for (size_t first = 0; first < head_dim; first += kFloatLanes) {
      FloatVec square[kFloatLanes];
      fetcher.step();
      load_square(rows, key, n_keys, first, head_dim, square);
      const float* const chunk = q + first / kRowStride * chunk_stride + first % kRowStride;
      const size_t depth = std::min(kFloatLanes, head_dim - first);
      const auto add = [&](size_t k) HWY_ATTR {
        for (size_t i = 0; i < kRows; ++i) {
          sums[i] = hn::MulAdd(hn::Set(d, chunk[i * kRowStride + k]), square[k], sums[i]);
        }
      };
      if (depth == kFloatLanes) {
        for (size_t k = 0; k < kFloatLanes; ++k) add(k);
      } else {
        for (size_t k = 0; k < depth; ++k) add(k);
      }
    }
    for (size_t i = 0; i < kRows; ++i) hn::StoreU(sums[i], d, scores + i * kRowStride + key);
  }
}

// The same for up to kUnpackedQueries queries.
template <typename T>
void score_unpacked(const float* q, size_t chunk_stride, size_t n_rows, const TileRows<T>& rows, size_t head_dim,
                    size_t first_key, size_t n_keys, RowFetcher& fetcher, float* scores) {
  for (; n_rows >= 4; n_rows -= 4, q += 4 * kRowStride, scores += 4 * kRowStride) {
    score_unpacked<4>(q, chunk_stride, rows, head_dim, first_key, n_keys, fetcher, scores);
  }
  if (n_rows == 3) return score_unpacked<3>(q, chunk_stride, rows, head_dim, first_key, n_keys, fetcher, scores);
  if (n_rows == 2) return score_unpacked<2>(q, chunk_stride, rows, head_dim, first_key, n_keys, fetcher, scores);
  if (n_rows == 1) return score_unpacked<1>(q, chunk_stride, rows, head_dim, first_key, n_keys, fetcher, scores);
}

// Rows of values between two steps of the fetcher: a step each time would take longer than the sums of one query.
constexpr size_t kSumsPerFetch = 8;

// Steps that `sum_values` takes at least.
constexpr size_t n_sum_steps(size_t n_keys, size_t head_dim) {
  return head_dim / kPanelKeys * ((n_keys + kSumsPerFetch - 1) / kSumsPerFetch);
}

// Values [first_key, n_keys) of a tile -> panels of [kTileKeys][kPanelKeys] f32, elements of head_dim side by side:
// rows lie so far apart that those of a tile would push each other out of the first-level cache, once for every few
// queries.  `fetcher` takes a step for each row.
template <typename T>
void pack_values(const TileRows<T>& tile, size_t first_key, size_t n_keys, size_t head_dim, RowFetcher& fetcher,
                 float* packed) {
  constexpr size_t kRowsAhead = 4;  // too far apart for the processor to ask for them in time
  for (size_t key = first_key; key < n_keys; ++key) {
    const T* const source = tile.values + key * tile.stride;
    fetcher.step();
    for (size_t column = 0; column < head_dim; column += kFloatLanes) {
      const bool is_whole = column + kFloatLanes <= head_dim;
      __builtin_prefetch(source + kRowsAhead * tile.stride + column);
      const auto values = is_whole ? load_f32(source + column) : load_f32_first(source + column, head_dim - column);
      float* const panel = packed + column / kPanelKeys * kPanelKeys * kTileKeys;
      hn::StoreU(values, FloatTag(), panel + key * kPanelKeys + column % kPanelKeys);
    }
  }
}

// out[i][:] = sum over keys [first_key, n_keys) of weights[i][key] * values[key][:].
template <typename T>
void sum_values(const float* weights, size_t n_rows, const T* values, size_t stride, size_t first_key, size_t n_keys,
                size_t head_dim, RowFetcher fetcher, float* out, size_t out_stride) {
  const size_t depth = n_keys - first_key;
  weights += first_key;
  values += first_key * stride;
  size_t column = 0;
  for (; column + kPanelKeys <= head_dim; column += kPanelKeys) {
    multiply<kPanelVectors>(
        weights, n_rows, depth,
        [=, &fetcher](size_t k, size_t v) HWY_ATTR {
          if (v == 0 && k % kSumsPerFetch == 0) fetcher.step();
          return load_f32(values + k * stride + column + v * kFloatLanes);
        },
        out + column, out_stride, Start::zero);
  }
  for (; column + kFloatLanes <= head_dim; column += kFloatLanes) {
    multiply<1>(
        weights, n_rows, depth, [=](size_t k, size_t) HWY_ATTR { return load_f32(values + k * stride + column); },
        out + column, out_stride, Start::zero);
  }
  if (column < head_dim) {
    multiply<1>(
        weights, n_rows, depth,
        [=](size_t k, size_t) HWY_ATTR { return load_f32_first(values + k * stride + column, head_dim - column); },
        out + column, out_stride, Start::zero);
  }
}

// The same from packed values.
void sum_packed(const float* weights, size_t n_rows, const float* packed, size_t first_key, size_t n_keys,
                size_t head_dim, float* out, size_t out_stride) {
  const size_t depth = n_keys - first_key;
  for (size_t column = 0; column < head_dim; column += kPanelKeys) {
    const float* const panel = packed + column * kTileKeys + first_key * kPanelKeys;
    const auto load = [panel](size_t k, size_t v)
                          HWY_ATTR { return hn::LoadU(FloatTag(), panel + k * kPanelKeys + v * kFloatLanes); };
    if (head_dim - column > kFloatLanes) {
      multiply<kPanelVectors>(weights + first_key, n_rows, depth, load, out + column, out_stride, Start::zero);
    } else {
      multiply<1>(weights + first_key, n_rows, depth, load, out + column, out_stride, Start::zero);
    }
  }
}

// Scores s -> cap * tanh(s / cap) over the vectors that hold keys [first_key, n_keys).
void cap_scores(float* scores, size_t first_key, size_t n_keys, float cap) {
  const FloatTag d;
  const FloatVec scale = hn::Set(d, cap), inverse = hn::Set(d, 1.0f / cap);
  for (size_t key = first_key / kFloatLanes * kFloatLanes; key < n_keys; key += kFloatLanes) {
    hn::StoreU(hn::Mul(tanh_f32(d, hn::Mul(hn::LoadU(d, scores + key), inverse)), scale), d, scores + key);
  }
}

// Adds to the scores of keys [first, end) the bias of their distances from the query, `distance` at key 0; `bias` is
// that of distance 0, with `farthest` to either side.
void add_bias(float* scores, size_t first, size_t end, int64_t distance, const float* bias, int64_t farthest) {
  const auto begin = static_cast<int64_t>(first), stop = static_cast<int64_t>(end);
  const int64_t near = std::clamp(-farthest - distance, begin, stop);
  const int64_t far = std::clamp(farthest + 1 - distance, near, stop);
  for (int64_t key = begin; key < near; ++key) scores[key] += bias[-farthest];
  for (int64_t key = near; key < far; ++key) scores[key] += bias[distance + key];
  for (int64_t key = far; key < stop; ++key) scores[key] += bias[farthest];
}

// Scores of one query -> weights exp(score - greatest) over keys [first, end), zero for the other keys of the vectors
// that hold [first_key, n_keys).  Gives the greatest score and the sum of the weights.
void soften(float* scores, size_t first_key, size_t n_keys, size_t first, size_t end, float* greatest, float* total) {
  const FloatTag d;
  const size_t begin = first_key / kFloatLanes * kFloatLanes;
  const size_t stop = (n_keys + kFloatLanes - 1) / kFloatLanes * kFloatLanes;
  constexpr float kInvisible = -std::numeric_limits<float>::infinity();
  if (begin < first) std::fill(scores + begin, scores + first, kInvisible);
  if (end < stop) std::fill(scores + end, scores + stop, kInvisible);
  FloatVec max = hn::Set(d, kInvisible);
  for (size_t key = begin; key < stop; key += kFloatLanes) max = hn::Max(max, hn::LoadU(d, scores + key));
  max = hn::MaxOfLanes(d, max);
  FloatVec sum = hn::Zero(d);
  for (size_t key = begin; key < stop; key += kFloatLanes) {
    const FloatVec weight = exp_f32(d, hn::Sub(hn::LoadU(d, scores + key), max));
    hn::StoreU(weight, d, scores + key);
    sum = hn::Add(sum, weight);
  }
  *greatest = hn::GetLane(max);
  *total = hn::GetLane(hn::SumOfLanes(d, sum));
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
