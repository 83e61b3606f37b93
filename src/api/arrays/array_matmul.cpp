// The product of two matrices.  Many rows meet the right one in panels, as they meet weights.  For few that would take
// several times as long as the product: they meet it where it lies, or by strips of panels.
#include <algorithm>
#include <optional>
#include <vector>

#include "api/arrays/array_checks.h"
#include "api/arrays/array_rows.h"
#include "api/arrays/tensor_ops_impl.h"
#include "backends/cpu/float_columns.h"
#include "backends/cpu/float_matmul.h"
#include "backends/cpu/gemv.h"
#include "backends/cpu/grain.h"
#include "backends/cpu/pack.h"
#include "backends/cpu/pack_floats.h"
#include "tensor/panels.h"

namespace tidemill {
namespace {

constexpr int64_t kPanelsPerPiece = 8;      // of 16 columns each: 512 bytes of every row
constexpr int64_t kStripBytes = 256 << 10;  // of panels that a thread makes and uses: half a second-level cache

constexpr int64_t kPiecesPerThread = 2;    // in place, where long stretches of rows are read in one go
constexpr int64_t kTermsPerPiece = 65536;  // numbers of the matrix for 8 rows of x: some microseconds

// Rows of `b`, [k, n], as they lie or as a contiguous copy.
Tensor rows_of(Work& work, const ArrayView& b) {
  if (has_panels(b.dtype) && b.is_contiguous()) return {b.data, b.dtype, {b.dim(2), b.dim(1)}};
  return {const_cast<float*>(work.contiguous(b, work.space().arguments[1])), DType::f32, {b.dim(2), b.dim(1)}};
}

// `b`, [k, n], whose columns lie in one piece, transposed: rows of a matrix of any stride.
std::optional<Tensor> columns_of(const ArrayView& b) {
  const int64_t k = b.dim(2), n = b.dim(1), item = info(b.dtype).block_bytes;
  const bool are_columns = has_panels(b.dtype) && k > 1 && b.strides[0] == item && b.strides[1] >= k * item;
  if (!are_columns || b.strides[1] % item != 0) return std::nullopt;
  return Tensor(b.data, b.dtype, {n, b.strides[1] / item}).slice(1, 0, k);
}

// `b` of f32, [k, n], whose rows lie in one piece.
std::optional<Tensor> rows_in_place(const ArrayView& b) {
  const int64_t k = b.dim(2), n = b.dim(1), item = sizeof(float);
  const bool are_rows = b.dtype == DType::f32 && b.strides[1] == item && (k == 1 || b.strides[0] >= n * item);
  if (!are_rows || b.strides[0] % item != 0) return std::nullopt;
  return Tensor(b.data, DType::f32, {k, k == 1 ? n : b.strides[0] / item}).slice(1, 0, n);
}

// `b`, [k, n], transposed, in panels.  Rows or columns that lie in one piece are read where they are.
Tensor packed(Work& work, const ArrayView& b) {
  const int64_t k = b.dim(2), n = b.dim(1);
  const auto target_of = [&](DType dtype) {
    const int64_t n_bytes = panel_bytes(dtype, n, k);
    return reinterpret_cast<std::byte*>(work.floats(work.space().panels, n_bytes / 4 + 1));
  };
  if (const std::optional<Tensor> columns = columns_of(b)) {
    return pack_panels(work.pool(), *columns, target_of(b.dtype));
  }
  const Tensor rows = rows_of(work, b);
  std::byte* const target = target_of(rows.dtype());
  const int64_t stride = panel_stride(rows.dtype(), k);
  work.pool().parallel_for(panel_count(n), kPanelsPerPiece, [&](int64_t begin, int64_t end, int) {
    pack_column_panels(rows, begin, end, target + begin * stride);
  });
  return Tensor(nullptr, rows.dtype(), {n, k}).with_panels(target);
}

// The product of a few rows with a matrix, [k, n], by strips of panels: `pack(begin, end, target)` makes each, which is
// met while a cache holds it, so that the matrix is read once and nothing of its size is written.
template <typename Pack>
void multiply_strips(Work& work, const Tensor& left, DType dtype, const Tensor& product, const Pack& pack) {
  const int64_t k = left.dim(1), n = product.dim(1), stride = panel_stride(dtype, k);
  const int64_t n_panels = panel_count(n), n_threads = work.pool().n_threads();
  const int64_t per_strip = std::clamp<int64_t>(kStripBytes / stride, 1, ceil_div(n_panels, n_threads));
  auto* const strips =
      reinterpret_cast<std::byte*>(work.floats(work.space().panels, n_threads * per_strip * stride / 4));
  work.pool().parallel_for(n_panels, per_strip, [&](int64_t begin, int64_t end, int thread) {
    std::byte* const strip = strips + thread * per_strip * stride;
    pack(begin, end, strip);
    const int64_t first = begin * kPanelRows;
    const Product part{.dtype = dtype,
                       .panels = strip,
                       .n_rows = std::min(n, end * kPanelRows) - first,
                       .n_cols = k,
                       .out = product.as<float>() + first,
                       .out_stride = n};
    float_gemv(part, 0, end - begin, left);
  });
}

// The same by pieces of a matrix of f32 as it lies, where nothing is to be laid out.
void multiply_in_place(Work& work, const Tensor& left, const Tensor& matrix, const Tensor& product) {
  const int64_t n_panels = panel_count(matrix.dim(1));
  const int n_threads = work.pool().n_threads();
  const int64_t least = ceil_div(kTermsPerPiece, kPanelRows * matrix.dim(0) * ceil_div(left.dim(0), 8));
  const int64_t even =
      n_threads == 1 ? n_panels : round_up(ceil_div(n_panels, kPiecesPerThread * n_threads), kPanelsPerPiece);
  work.pool().parallel_for(n_panels, std::max(least, even), [&](int64_t begin, int64_t end, int) {
    multiply_columns(left, matrix, begin * kPanelRows, std::min(end * kPanelRows, matrix.dim(1)), product);
  });
}

// Whether the product was one of few rows, and is made.
bool multiply_few(Work& work, const Tensor& left, const ArrayView& b, const Tensor& product) {
  const int64_t n_rows = left.dim(0);
  if (const std::optional<Tensor> matrix = rows_in_place(b)) {
    if (n_rows > most_rows_in_place()) return false;
    multiply_in_place(work, left, *matrix, product);
    return true;
  }
  if (n_rows > most_gemv_rows()) return false;
  if (const std::optional<Tensor> columns = columns_of(b)) {
    const int64_t stride = panel_stride(b.dtype, left.dim(1));
    multiply_strips(work, left, b.dtype, product, [&](int64_t begin, int64_t end, std::byte* target) {
      for (; begin < end; ++begin, target += stride) pack_float_panel(*columns, begin, target, PanelUse::at_once);
    });
    return true;
  }
  if (!b.is_contiguous()) return false;
  const Tensor rows = rows_of(work, b);
  multiply_strips(work, left, rows.dtype(), product,
                  [&](int64_t begin, int64_t end, std::byte* target) { pack_column_panels(rows, begin, end, target); });
  return true;
}

void clear(const ArrayView& out) {
  const ArrayRows rows(out);
  const std::vector<float> zeros(static_cast<size_t>(rows.width()), 0.0f);
  for (int64_t row = 0; row < rows.n_rows(); ++row) rows.store(row, 1, zeros.data());
}

}  // namespace

std::vector<int64_t> matmul_shape(const ArrayView& a, const ArrayView& b) {
  if (a.rank() != 2) refuse_shape("a", a, "expected two axes, [m, k]");
  if (b.rank() != 2) refuse_shape("b", b, "expected two axes, [k, n]");
  if (b.dim(2) != a.dim(1)) {
    refuse_shape("b", b, "expected " + std::to_string(a.dim(1)) + " rows, for a is " + to_string(a.shape));
  }
  return {a.dim(2), b.dim(1)};
}

void TensorOps::matmul(const ArrayView& a, const ArrayView& b, const ArrayView& out) {
  expect_float("a", a);
  expect_float("b", b);
  const std::vector<int64_t> shape = matmul_shape(a, b);
  expect_result(shape, out);
  const int64_t m = shape[0], n = shape[1], k = a.dim(1);
  if (m == 0 || n == 0) return;
  if (k == 0) return clear(out);

  Work work(impl_->pool, impl_->workspace);
  const bool is_bf16 = a.dtype == DType::bf16 && b.dtype == DType::bf16;
  const bool is_in_place = out.dtype == DType::f32 && out.is_contiguous();
  const Tensor product(is_in_place ? out.data : work.floats(work.space().arguments[2], m * n), DType::f32, {m, n});
  const Tensor left(const_cast<float*>(work.contiguous(a, work.space().arguments[0])), DType::f32, {m, k});
  if (is_bf16 || !multiply_few(work, left, b, product)) {
    const Tensor right = packed(work, b);
    tidemill::matmul(is_bf16 ? work.space().bf16 : work.space().exact, {&left, 1}, {&right, 1}, {&product, 1});
  }
  if (is_in_place) return;
  const ArrayRows rows(out);
  work.pool().parallel_for(m, rows.rows_per_block(), [&](int64_t begin, int64_t end, int) {
    rows.store(begin, end - begin, product.row<float>(begin));
  });
}

}  // namespace tidemill
