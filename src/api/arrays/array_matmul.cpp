// The product of two matrices: the right one is laid out as weights are, in panels, and then multiplied as they are.
#include <vector>

#include "api/arrays/array_checks.h"
#include "api/arrays/array_rows.h"
#include "api/arrays/tensor_ops_impl.h"
#include "backends/cpu/pack.h"
#include "backends/cpu/pack_floats.h"
#include "tensor/panels.h"

namespace tidemill {
namespace {

constexpr int64_t kPanelsPerPiece = 8;  // of 16 columns each: 512 bytes of every row

// `b`, [k, n], transposed, in panels.  Rows or columns that lie in one piece are read where they are.
Tensor packed(Work& work, const ArrayView& b) {
  const int64_t k = b.dim(2), n = b.dim(1), item = info(b.dtype).block_bytes;
  const auto target_of = [&](DType dtype) {
    const int64_t n_bytes = panel_bytes(dtype, n, k);
    return reinterpret_cast<std::byte*>(work.floats(work.space().panels, n_bytes / 4 + 1));
  };
  const bool has_columns = has_panels(b.dtype) && b.strides[0] == item && b.strides[1] >= k * item && k > 1;
  if (has_columns) {
    // Rows of the transpose: a matrix whose row is so many bytes, of which the first k numbers count.
    const int64_t row = b.strides[1] / item;
    if (b.strides[1] % item == 0) {
      const Tensor rows = Tensor(b.data, b.dtype, {n, row}).slice(1, 0, k);
      return pack_panels(work.pool(), rows, target_of(b.dtype));
    }
  }
  const bool has_rows = has_panels(b.dtype) && b.is_contiguous();
  const Tensor columns =
      has_rows ? Tensor(b.data, b.dtype, {k, n})
               : Tensor(const_cast<float*>(work.contiguous(b, work.space().arguments[1])), DType::f32, {k, n});
  std::byte* const target = target_of(columns.dtype());
  const int64_t stride = panel_stride(columns.dtype(), k);
  work.pool().parallel_for(panel_count(n), kPanelsPerPiece, [&](int64_t begin, int64_t end, int) {
    pack_column_panels(columns, begin, end, target + begin * stride);
  });
  return Tensor(nullptr, columns.dtype(), {n, k}).with_panels(target);
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
  const Tensor right = packed(work, b);
  const Tensor left(const_cast<float*>(work.contiguous(a, work.space().arguments[0])), DType::f32, {m, k});
  const bool is_in_place = out.dtype == DType::f32 && out.is_contiguous();
  const Tensor product(is_in_place ? out.data : work.floats(work.space().arguments[2], m * n), DType::f32, {m, n});
  tidemill::matmul(is_bf16 ? work.space().bf16 : work.space().exact, {&left, 1}, {&right, 1}, {&product, 1});
  if (is_in_place) return;
  const ArrayRows rows(out);
  work.pool().parallel_for(m, rows.rows_per_block(), [&](int64_t begin, int64_t end, int) {
    rows.store(begin, end - begin, product.row<float>(begin));
  });
}

}  // namespace tidemill
