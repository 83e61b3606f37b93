// Attention over keys and values as arrays hold them: every head is a run of its own over caches that are its rows.
#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "api/arrays/array_checks.h"
#include "api/arrays/array_rows.h"
#include "api/arrays/tensor_ops_impl.h"
#include "backends/cpu/grain.h"

namespace tidemill {
namespace {

// What a mask adds to the score of a key that is not seen: so low that its weight is zero beside any other, and finite,
// so that a tile of such keys alone has weights that can be joined.
constexpr float kUnseen = -1e30f;

struct Sizes {
  int64_t n_batches = 1;  // all axes before heads
  int64_t n_heads, n_kv_heads, n_queries, n_keys, head_dim;

  int64_t group() const { return n_heads / n_kv_heads; }
};

Sizes sizes_of(const ArrayView& q, const ArrayView& k, const ArrayView& v) {
  const Sizes sizes{
      .n_heads = q.dim(3), .n_kv_heads = k.dim(3), .n_queries = q.dim(2), .n_keys = k.dim(2), .head_dim = q.dim(1)};
  const std::string of_q = ", for q is " + to_string(q.shape);
  if (k.rank() != q.rank()) refuse_shape("k", k, "expected " + std::to_string(q.rank()) + " axes" + of_q);
  if (k.dim(1) != sizes.head_dim) refuse_shape("k", k, "expected heads of " + std::to_string(sizes.head_dim) + of_q);
  if (!std::ranges::equal(v.shape, k.shape)) refuse_shape("v", v, "expected that of k, " + to_string(k.shape));
  Sizes result = sizes;
  for (int axis = 0; axis + 3 < q.rank(); ++axis) {
    const auto at = static_cast<size_t>(axis);
    if (k.shape[at] != q.shape[at]) refuse_shape("k", k, "axis " + std::to_string(axis) + " has another length" + of_q);
    result.n_batches *= q.shape[at];
  }
  if (sizes.n_kv_heads == 0 ? sizes.n_heads != 0 : sizes.n_heads % sizes.n_kv_heads != 0) {
    refuse_shape("k", k, "its heads do not divide those of q, " + to_string(q.shape));
  }
  return result;
}

// Keys, or values, of all heads, as caches; q's layout, where that is not possible, is made by a copy.
class HeadRows {
 public:
  // Rows that are any number of whole elements apart are read where they lie.
  HeadRows(const ArrayView& array, DType dtype, bool is_in_place, Work& work, Scratch& scratch)
      : dtype_(dtype), item_(info(dtype).block_bytes) {
    width_ = array.dim(1);
    n_rows_ = array.dim(2);
    if (is_in_place) {
      data_ = static_cast<std::byte*>(array.data);
      row_bytes_ = array.rank() < 2 || n_rows_ == 1 ? width_ * item_ : array.strides[array.shape.size() - 2];
      for (size_t axis = 0; axis + 2 < array.shape.size(); ++axis) {
        sizes_.push_back(array.shape[axis]);
        strides_.push_back(array.strides[axis]);
      }
    } else {
      data_ = reinterpret_cast<std::byte*>(const_cast<float*>(work.contiguous(array, scratch)));
      row_bytes_ = width_ * item_;
      sizes_ = {array.n_elements() / std::max<int64_t>(1, n_rows_ * width_)};
      strides_ = {n_rows_ * row_bytes_};
    }
  }

  static bool fits(const ArrayView& array) {
    const int64_t item = info(array.dtype).block_bytes;
    const int64_t row = array.strides[array.shape.size() - 2];
    return (array.dtype == DType::f32 || array.dtype == DType::f16) && array.strides.back() == item &&
           row >= array.dim(1) * item && row % item == 0;
  }

  // Head `index`, counted through all axes before the rows.
  PagedRows head(int64_t index) const {
    std::byte* at = data_;
    for (size_t axis = sizes_.size(); axis-- > 0;) {
      at += index % sizes_[axis] * strides_[axis];
      index /= sizes_[axis];
    }
    const Tensor rows(at, dtype_, {n_rows_, row_bytes_ / item_});
    return PagedRows(rows.slice(1, 0, width_));
  }

 private:
  std::byte* data_ = nullptr;
  DType dtype_;
  int64_t item_;
  int64_t width_ = 0, n_rows_ = 0, row_bytes_ = 0;
  std::vector<int64_t> sizes_, strides_;
};

// The mask as what is added to scores: f32 [..., 1 or n_queries, n_keys], with the axes of size 1 that it has, which
// repeat.
class ScoreMask {
 public:
  ScoreMask(const ArrayView& mask, const ArrayView& q, const Sizes& sizes, bool is_causal, Work& work) {
    check(mask, q, sizes);
    n_queries_ = sizes.n_queries;
    n_keys_ = sizes.n_keys;
    n_rows_ = mask.rank() < 2 ? 1 : mask.dim(2);
    for (int axis = 0; axis + 2 < mask.rank(); ++axis) outer_.push_back(mask.shape[static_cast<size_t>(axis)]);
    for (int axis = 0; axis + 2 < q.rank(); ++axis) heads_.push_back(q.shape[static_cast<size_t>(axis)]);
    int64_t n_matrices = 1;
    for (const int64_t size : outer_) n_matrices *= size;
    values_ = work.floats(work.space().mask, n_matrices * n_rows_ * n_keys_);
    sees_.assign(static_cast<size_t>(n_matrices * n_queries_), 0);
    fill(mask, is_causal, work, n_matrices);
  }

  ScoreBias bias(int64_t head) const {
    return {values_ + matrix(head) * n_rows_ * n_keys_, n_rows_ == 1 ? 0 : n_keys_};
  }
  bool sees_something(int64_t head, int64_t query) const {
    return sees_[static_cast<size_t>(matrix(head) * n_queries_ + query)] != 0;
  }

 private:
  static void check(const ArrayView& mask, const ArrayView& q, const Sizes& sizes) {
    if (mask.dtype != DType::boolean) expect_float("mask", mask);
    const auto fits = [](int64_t size, int64_t full) { return size == 1 || size == full; };
    bool is_right = mask.rank() <= q.rank() && fits(mask.dim(1), sizes.n_keys) && fits(mask.dim(2), sizes.n_queries);
    for (int from_end = 3; from_end <= mask.rank(); ++from_end) {
      is_right = is_right && fits(mask.dim(from_end), q.dim(from_end));
    }
    if (is_right) return;
    std::vector<int64_t> full(q.shape.begin(), q.shape.end());
    full.back() = sizes.n_keys;
    refuse_shape("mask", mask, "expected one that broadcasts to " + to_string(full));
  }

  // Index of a head's matrix; axes of size 1, and those that the mask lacks, are passed over.
  int64_t matrix(int64_t head) const {
    int64_t index = 0, step = 1;
    for (size_t i = 0; i < heads_.size(); ++i) {
      const int64_t size = heads_[heads_.size() - 1 - i], place = head % size;
      head /= size;
      if (i >= outer_.size()) continue;
      const int64_t own = outer_[outer_.size() - 1 - i];
      if (own != 1) index += place * step;
      step *= own;
    }
    return index;
  }

  void fill(const ArrayView& mask, bool is_causal, Work& work, int64_t n_matrices) {
    const ArrayRows rows(mask);
    work.pool().parallel_for(n_matrices * n_rows_, rows_per_piece(n_keys_), [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row) {
        float* const target = values_ + row * n_keys_;
        if (mask.dtype == DType::boolean) {
          fill_row(mask, row, target);
        } else {
          rows.load(row, 1, target);
          if (rows.width() != n_keys_) std::fill_n(target, n_keys_, target[0]);
        }
        for (int64_t key = 0; key < n_keys_; ++key) target[key] = target[key] < kUnseen ? kUnseen : target[key];
        mark(row, std::find_if(target, target + n_keys_, [](float value) { return value != kUnseen; }) - target,
             is_causal);
      }
    });
  }

  void fill_row(const ArrayView& mask, int64_t row, float* target) const {
    const auto* from = static_cast<const uint8_t*>(mask.data);
    for (int axis = mask.rank() - 2; axis >= 0; --axis) {
      const auto at = static_cast<size_t>(axis);
      from += row % mask.shape[at] * mask.strides[at];
      row /= mask.shape[at];
    }
    const int64_t step = mask.dim(1) == 1 ? 0 : mask.strides.back();
    for (int64_t key = 0; key < n_keys_; ++key) target[key] = from[key * step] != 0 ? 0.0f : kUnseen;
  }

  // Of which queries row `row` is, and whether these see the first key that it lets them.
  void mark(int64_t row, int64_t first_seen, bool is_causal) {
    const int64_t matrix = row / n_rows_, first = n_rows_ == 1 ? 0 : row % n_rows_;
    const int64_t end = n_rows_ == 1 ? n_queries_ : first + 1;
    for (int64_t query = first; query < end; ++query) {
      const int64_t n_seen = is_causal ? std::min(n_keys_, query + 1) : n_keys_;
      sees_[static_cast<size_t>(matrix * n_queries_ + query)] = first_seen < n_seen;
    }
  }

  int64_t n_queries_, n_keys_, n_rows_;
  std::vector<int64_t> outer_, heads_;
  float* values_;
  std::vector<uint8_t> sees_;  // [matrices, n_queries]
};

}  // namespace

void TensorOps::attention(const ArrayView& q, const ArrayView& k, const ArrayView& v, const ScaledAttention& options,
                          const ArrayView& out) {
  expect_float("q", q);
  expect_float("k", k);
  expect_float("v", v);
  expect_rank("q", q, 2);
  const Sizes sizes = sizes_of(q, k, v);
  expect_result(q.shape, out);
  const float scale =
      options.scale.value_or(1.0f / std::sqrt(static_cast<float>(std::max<int64_t>(1, sizes.head_dim))));
  if (std::isnan(scale)) refuse("scale: it is not a number; give one, such as 1 / sqrt(head_dim)");
  if (out.n_elements() == 0) return;

  Work work(impl_->pool, impl_->workspace);
  Workspace& space = work.space();
  const int64_t n_rows = sizes.n_batches * sizes.n_heads * sizes.n_queries;
  const bool is_direct = out.dtype == DType::f32 && out.is_contiguous();
  const Tensor result(is_direct ? out.data : work.floats(space.arguments[2], n_rows * sizes.head_dim), DType::f32,
                      {n_rows, sizes.head_dim});
  const auto store = [&] {
    if (is_direct) return;
    const ArrayRows rows(out);
    work.pool().parallel_for(n_rows, rows.rows_per_block(), [&](int64_t begin, int64_t end, int) {
      rows.store(begin, end - begin, result.row<float>(begin));
    });
  };
  if (sizes.n_keys == 0) {
    std::fill_n(result.as<float>(), n_rows * sizes.head_dim, 0.0f);
    return store();
  }
  std::optional<ScoreMask> mask;
  if (options.mask) mask.emplace(*options.mask, q, sizes, options.is_causal, work);
  // Keys and values are read where they lie when both can be, alike.
  const bool is_in_place = HeadRows::fits(k) && HeadRows::fits(v) && k.dtype == v.dtype &&
                           k.strides[k.shape.size() - 2] == v.strides[v.shape.size() - 2];
  const DType dtype = is_in_place ? k.dtype : DType::f32;
  const HeadRows keys(k, dtype, is_in_place, work, space.arguments[0]);
  const HeadRows values(v, dtype, is_in_place, work, space.arguments[1]);
  Scratch scaled;
  const Tensor queries(const_cast<float*>(work.contiguous(q, scaled)), DType::f32, {n_rows, sizes.head_dim});

  // Where each query sees all keys, those of all heads that share keys are one run.
  const int64_t heads_per_run = options.is_causal || mask ? 1 : sizes.group();
  const int64_t run_rows = heads_per_run * sizes.n_queries;
  std::vector<StateRun> runs;
  std::vector<ScoreBias> biases;
  for (int64_t first = 0; first < n_rows; first += run_rows) {
    const int64_t head = first / sizes.n_queries, kv_head = head / sizes.group();
    runs.push_back({.first_row = first,
                    .n_rows = run_rows,
                    .first_pos = options.is_causal ? 0 : std::max<int64_t>(0, sizes.n_keys - run_rows),
                    .keys = keys.head(kv_head),
                    .values = values.head(kv_head)});
    if (mask) biases.push_back(mask->bias(head));
  }
  space.attention.compute(
      queries, runs,
      {.n_heads = 1, .n_kv_heads = 1, .head_dim = sizes.head_dim, .scale = scale, .both_ways = !options.is_causal},
      biases, result);
  for (int64_t row = 0; mask && row < n_rows; ++row) {
    if (mask->sees_something(row / sizes.n_queries, row % sizes.n_queries)) continue;
    std::fill_n(result.row<float>(row), sizes.head_dim, 0.0f);
  }
  store();
}

}  // namespace tidemill
