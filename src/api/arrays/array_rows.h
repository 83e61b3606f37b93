// Arrays of any plain float type and any strides as the contiguous rows of f32 that kernels take, some rows at a time:
// in place where they lie so, otherwise by way of a piece of scratch that a cache holds.  No array is copied whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "sys/open_pool.h"
#include "tidemill/array_view.h"

namespace tidemill {

class ArrayRows {
 public:
  // Rows run along `axis` (from 0); the other axes count them, the last one fastest.  An array without axes is one row
  // of one number.
  ArrayRows(const ArrayView& array, int axis);
  // Along the last axis.
  explicit ArrayRows(const ArrayView& array) : ArrayRows(array, array.rank() - 1) {}
  // The numbers of a contiguous array, each a row.
  static ArrayRows flat(const ArrayView& array);

  int64_t n_rows() const { return n_rows_; }
  int64_t width() const { return width_; }
  // Whether all rows lie side by side.
  bool is_dense() const { return is_dense_; }
  bool is_in_place() const { return is_dense_ && dtype_ == DType::f32; }
  // Whether rows of f32 begin side by side, column_size() of them in a run, while their numbers are column_stride()
  // floats apart: columns, to be read as they lie.
  bool is_columns() const;
  int64_t column_size() const { return axes_.back().size; }
  int64_t column_stride() const { return stride_ / item_; }
  float* column(int64_t row) const { return reinterpret_cast<float*>(row_at(row)); }
  // As many rows as are worth taking at a time.
  int64_t rows_per_block() const;

  // Row `row` on, where is_in_place().
  float* at(int64_t row) const { return reinterpret_cast<float*>(data_) + row * width_; }
  // Rows [first, first + n) to `target`, and from `source`.
  void load(int64_t first, int64_t n, float* target) const;
  void store(int64_t first, int64_t n, const float* source) const;

 private:
  struct Axis {
    int64_t size, stride;
  };
  ArrayRows() = default;
  std::byte* row_at(int64_t row) const;
  // Rows from `row` on, at most n, that begin side by side while their own numbers do not.
  int64_t columns_from(int64_t row, int64_t n) const;

  std::byte* data_ = nullptr;
  DType dtype_ = DType::f32;
  int64_t item_ = 4;    // bytes of a number
  int64_t width_ = 1;   // numbers of a row
  int64_t stride_ = 4;  // bytes between them
  int64_t n_rows_ = 1;
  bool is_dense_ = false;
  std::vector<Axis> axes_;  // that count rows, those joined that go on alike
};

// Calls `body(x, out, first, n)` with contiguous rows [first, first + n) of both arrays, from several threads; `x` may
// be `out`.  The arrays have as many rows, of the same width.
template <typename Body>
void for_each_block(OpenPool& pool, const ArrayRows& x, const ArrayRows& out, Body&& body) {
  const int64_t grain = std::max(x.rows_per_block(), out.rows_per_block());
  pool.parallel_for(x.n_rows(), grain, [&](int64_t begin, int64_t end) {
    const int64_t n = end - begin;
    std::unique_ptr<float[]> scratch;
    if (!out.is_in_place()) scratch.reset(new float[static_cast<size_t>(n * out.width())]);
    float* const target = out.is_in_place() ? out.at(begin) : scratch.get();
    if (!x.is_in_place()) x.load(begin, n, target);
    body(x.is_in_place() ? x.at(begin) : target, target, begin, n);
    if (!out.is_in_place()) out.store(begin, n, target);
  });
}

}  // namespace tidemill
