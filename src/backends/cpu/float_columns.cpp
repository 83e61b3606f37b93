// Stripes of columns, of which a block of k is as much as second-level cache holds: it is read from memory once, in
// pieces of whole lines, and meets all rows of x.  Sums wait in the output from block to block.
#include "backends/cpu/float_columns.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/float_columns.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "backends/cpu/few_rows-inl.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/task.h"

HWY_BEFORE_NAMESPACE();
namespace tidemill::HWY_NAMESPACE {

// Sums of 16 columns and one row each: half of the registers, for what meets needs some, too.
constexpr int kSumsAtOnce = kParts == 1 ? 16 : kParts < 8 ? 8 / kParts : 1;
static_assert(kSumsAtOnce >= kFewRows);
constexpr int64_t kStripeColumns = 256;
constexpr int kStrands = kFloatStrands;
// Terms of a strand from the one that is used to the one that is asked for: rows lie further apart than the processor's
// own prefetchers look.
constexpr int kTermsAhead = 8;

// Some columns of a block of k.
struct ColumnBlock {
  const float* values;  // of its first k
  int64_t stride;       // floats from one k to the next
  int length;           // of k
  bool is_first;        // of its columns: there are no sums yet
  bool is_fetched;      // all lines of it are in a cache
};

// out += x * block, for kRows rows of x from which numbers of the block's k begin, and 16 kVectors columns.
template <int kRows, int kVectors>
HWY_INLINE void add_tile(const ColumnBlock& block, const float* const (&x)[kRows], const FewRows& few, float* out,
                         int64_t out_stride) {
  for (int strand = 0; strand < kStrands; ++strand) {
    Floats acc[kRows][kVectors];
    TIDEMILL_UNROLL
    for (int r = 0; r < kRows; ++r) {
      TIDEMILL_UNROLL
      for (int v = 0; v < kVectors; ++v) acc[r][v] = set_floats(0);
    }
    const float* row = block.values + strand * block.stride;
    for (int k = strand; k < block.length; k += kStrands, row += kStrands * block.stride) {
      if (!block.is_fetched) {
        const float* const ahead = row + kTermsAhead * kStrands * block.stride;
        TIDEMILL_UNROLL
        for (int v = 0; v < kVectors; ++v) hwy::Prefetch(ahead + v * kPanelRows);
      }
      TIDEMILL_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        const Floats weights = load_floats_unaligned(row + v * kPanelRows);
        TIDEMILL_UNROLL
        for (int r = 0; r < kRows; ++r) acc[r][v] = mul_add(weights, set_floats(x[r][k]), acc[r][v]);
      }
    }
    const bool begins = block.is_first && strand == 0;
    TIDEMILL_UNROLL
    for (int r = 0; r < kRows; ++r) {
      if (r >= few.n) break;
      float* const sums = out + (few.first + r) * out_stride;
      TIDEMILL_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        const Floats before = begins ? set_floats(0) : load_floats_unaligned(sums + v * kPanelRows);
        store_floats_unaligned(before + acc[r][v], sums + v * kPanelRows);
      }
    }
  }
}

// Tiles of kVectors vectors as long as so many columns are left, then of fewer; returns the column where they end.
template <int kRows, int kVectors>
HWY_INLINE int64_t add_tiles(const ColumnBlock& block, const float* const (&x)[kRows], const FewRows& few, int64_t at,
                             int64_t n_columns, float* out, int64_t out_stride) {
  constexpr int64_t kWidth = kVectors * kPanelRows;
  for (; at + kWidth <= n_columns; at += kWidth) {
    ColumnBlock part = block;
    part.values += at;
    add_tile<kRows, kVectors>(part, x, few, out + at, out_stride);
  }
  if constexpr (kVectors > 1) return add_tiles<kRows, kVectors / 2>(block, x, few, at, n_columns, out, out_stride);
  return at;
}

// All rows of x, [n_rows, K] from the block's k on.
void add_block(ColumnBlock block, const Tensor& x, int64_t first_k, int64_t n_columns, float* out, int64_t out_stride) {
  for_each_few(x.dim(0), [&](auto kind, const FewRows& few) HWY_ATTR {
    constexpr int kRows = decltype(kind)::value;
    const float* rows[kRows];
    for (int r = 0; r < kRows; ++r) rows[r] = x.row<float>(few.row(r)) + first_k;
    add_tiles<kRows, kSumsAtOnce / kRows>(block, rows, few, 0, n_columns, out, out_stride);
    block.is_fetched = true;
  });
}

// One row of x has few sums, so those of a long stretch of columns stay in first-level cache while the matrix passes,
// some terms of a strand at a time: each row of it is read in one go, which the processor sees ahead.  Stretches of
// 1024 columns took a fifth longer (Zen 4, 1 x 768 x 2304), asking for rows ahead of their use a tenth.
constexpr int64_t kStretchColumns = 4096;
constexpr int kTermsAtOnce = 8;

// Vectors [begin, end) of a stretch's sums, the first of which is of 16 columns from `at` on.
struct StretchPart {
  int64_t at, begin, end;
};

// Sums of a stretch of columns.  Its vectors are aligned in memory where all rows of the matrix are aligned alike, but
// for the first and the last, which overlap their neighbours: both compute the same there.
struct Stretch {
  static constexpr int64_t kVectors = kStretchColumns / kPanelRows + 2;

  HWY_ALIGN float strands[kStrands][kVectors][kPanelRows];
  HWY_ALIGN float sums[kVectors][kPanelRows];
  StretchPart parts[3];

  // n columns from `values` on, at least 16.
  Stretch(const float* values, int64_t n) {
    const auto address = reinterpret_cast<uintptr_t>(values) / sizeof(float);
    const int64_t first = n >= 2 * kPanelRows ? static_cast<int64_t>(-address % kPanelRows) : 0;
    const int64_t n_whole = (n - first) / kPanelRows, end = 1 + n_whole;
    parts[0] = {0, 0, first > 0 ? 1 : 0};
    parts[1] = {first, 1, end};
    parts[2] = {n - kPanelRows, end, first + n_whole * kPanelRows < n ? end + 1 : end};
  }
};

// sums[v] += kTerms numbers of the matrix, `stride` apart, times factors, for each vector of a part.
template <int kTerms>
HWY_INLINE void add_terms(const StretchPart& part, const float* terms, int64_t stride, const float* x,
                          float (*sums)[kPanelRows]) {
  Floats factors[kTerms];
  TIDEMILL_UNROLL
  for (int t = 0; t < kTerms; ++t) factors[t] = set_floats(x[kStrands * t]);
  terms += part.at;
  for (int64_t v = part.begin; v < part.end; ++v, terms += kPanelRows) {
    Floats sum = load_floats(sums[v]);
    TIDEMILL_UNROLL
    for (int t = 0; t < kTerms; ++t) sum = mul_add(load_floats_unaligned(terms + t * stride), factors[t], sum);
    store_floats(sum, sums[v]);
  }
}

// out = x * n columns of the matrix from `values` on, at least 16 of them and at most kStretchColumns.
void multiply_stretch(const float* x, const float* values, int64_t stride, int64_t n_terms, int64_t n, float* out) {
  Stretch stretch(values, n);
  const int64_t n_vectors = stretch.parts[2].end;
  std::fill_n(&stretch.sums[0][0], n_vectors * kPanelRows, 0.0f);
  for (int64_t block = 0; block < n_terms; block += kFloatBlockLength) {
    const int64_t end = std::min<int64_t>(n_terms, block + kFloatBlockLength);
    for (auto& strand : stretch.strands) std::fill_n(&strand[0][0], n_vectors * kPanelRows, 0.0f);
    const auto add = [&](auto kind, int64_t k, int strand) HWY_ATTR {
      for (const StretchPart& part : stretch.parts) {
        add_terms<decltype(kind)::value>(part, values + k * stride, kStrands * stride, x + k, stretch.strands[strand]);
      }
    };
    int64_t k = block;
    for (; k + kStrands * kTermsAtOnce <= end; k += kStrands * kTermsAtOnce) {
      for (int s = 0; s < kStrands; ++s) add(std::integral_constant<int, kTermsAtOnce>(), k + s, s);
    }
    for (; k < end; ++k) add(std::integral_constant<int, 1>(), k, static_cast<int>((k - block) % kStrands));
    for (int64_t v = 0; v < n_vectors; ++v) {
      Floats sum = load_floats(stretch.sums[v]);
      for (int s = 0; s < kStrands; ++s) sum = sum + load_floats(stretch.strands[s][v]);
      store_floats(sum, stretch.sums[v]);
    }
  }
  for (const StretchPart& part : stretch.parts) {
    std::copy_n(stretch.sums[part.begin], (part.end - part.begin) * kPanelRows, out + part.at);
  }
}

// Fewer than 16 columns, at the matrix' end: a copy of them with zeros beside, whose sums come in a copy, too.
void add_last_columns(const ColumnBlock& block, const Tensor& x, int64_t first_k, int64_t n_columns, float* out,
                      int64_t out_stride) {
  HWY_ALIGN float copy[kFloatBlockLength][kPanelRows];
  for (int k = 0; k < block.length; ++k) {
    std::copy_n(block.values + k * block.stride, n_columns, copy[k]);
    std::fill(copy[k] + n_columns, copy[k] + kPanelRows, 0.0f);
  }
  const ColumnBlock whole{copy[0], kPanelRows, block.length, block.is_first, true};
  HWY_ALIGN float sums[kFewRows][kPanelRows];
  for (int64_t row = 0; row < x.dim(0); row += kFewRows) {
    const int64_t n = std::min<int64_t>(kFewRows, x.dim(0) - row);
    for (int64_t r = 0; r < n; ++r) std::copy_n(out + (row + r) * out_stride, n_columns, sums[r]);
    add_block(whole, x.slice(0, row, row + n), first_k, kPanelRows, sums[0], kPanelRows);
    for (int64_t r = 0; r < n; ++r) std::copy_n(sums[r], n_columns, out + (row + r) * out_stride);
  }
}

// As far as tiles in place are as fast as panels are, what packing takes counted (Zen 4, 768 x 2304: with AVX-512 a
// tenth faster at 64 rows, with AVX2 level at 16).
int64_t most_rows_in_place_of_target() {
  return 8 * kFewRows;
}

void multiply_columns_of_target(const Tensor& x, const Tensor& matrix, int64_t begin, int64_t end, const Tensor& out) {
  const auto floats_between_rows = [](const Tensor& tensor) {
    return tensor.stride_bytes(0) / static_cast<int64_t>(sizeof(float));
  };
  const int64_t n_terms = matrix.dim(0), stride = floats_between_rows(matrix), out_stride = floats_between_rows(out);
  if (x.dim(0) == 1) {
    for (; end - begin >= kPanelRows; begin += std::min(kStretchColumns, end - begin)) {
      multiply_stretch(x.as<float>(), matrix.as<float>() + begin, stride, n_terms,
                       std::min(kStretchColumns, end - begin), out.as<float>() + begin);
    }
  }
  for (int64_t first = begin; first < end; first += kStripeColumns) {
    const int64_t n = std::min(kStripeColumns, end - first), n_whole = n / kPanelRows * kPanelRows;
    float* const sums = out.as<float>() + first;
    for (int64_t k = 0; k < n_terms; k += kFloatBlockLength) {
      ColumnBlock block{.values = matrix.row<float>(k) + first,
                        .stride = stride,
                        .length = static_cast<int>(std::min<int64_t>(kFloatBlockLength, n_terms - k)),
                        .is_first = k == 0,
                        .is_fetched = false};
      if (n_whole > 0) add_block(block, x, k, n_whole, sums, out_stride);
      if (n_whole == n) continue;
      block.values += n_whole;
      add_last_columns(block, x, k, n - n_whole, sums + n_whole, out_stride);
    }
  }
}

}  // namespace tidemill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tidemill {

HWY_EXPORT(most_rows_in_place_of_target);
HWY_EXPORT(multiply_columns_of_target);

int64_t most_rows_in_place() {
  return HWY_DYNAMIC_DISPATCH(most_rows_in_place_of_target)();
}

void multiply_columns(const Tensor& x, const Tensor& matrix, int64_t begin, int64_t end, const Tensor& out) {
  HWY_DYNAMIC_DISPATCH(multiply_columns_of_target)(x, matrix, begin, end, out);
}

}  // namespace tidemill
#endif  // HWY_ONCE
