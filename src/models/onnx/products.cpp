// Products of matrices: those with a constant one through the kernels, where a run has them.
#include <algorithm>
#include <utility>

#include "models/onnx/call.h"
#include "tidemill/error.h"

namespace tidemill::onnx {
namespace {

// to[i] += sum of factors[r] * from_r[i] for four rows r of `from`, which lie `n` apart.
void add_rows(float* to, const float* from, int64_t n, const float* factors) {
  const float *const b = from + n, *const c = b + n, *const d = c + n;
  const float w = factors[0], x = factors[1], y = factors[2], z = factors[3];
  for (int64_t i = 0; i < n; ++i) to[i] += w * from[i] + x * b[i] + (y * c[i] + z * d[i]);
}

// out [m, n] = a [m, k] * b [k, n] in plain loops.
void multiply(const float* a, const float* b, float* out, int64_t m, int64_t k, int64_t n) {
  std::fill_n(out, m * n, 0.0f);
  int64_t inner = 0;
  for (; inner + 4 <= k; inner += 4) {
    for (int64_t row = 0; row < m; ++row) add_rows(out + row * n, b + inner * n, n, a + row * k + inner);
  }
  for (; inner < k; ++inner) {
    for (int64_t row = 0; row < m; ++row) {
      for (int64_t column = 0; column < n; ++column)
        out[row * n + column] += a[row * k + inner] * b[inner * n + column];
    }
  }
}

void transpose(const float* from, float* to, int64_t rows, int64_t columns) {
  constexpr int64_t kTile = 16;  // of both sides, so that what is written stays in first-level cache
  for (int64_t row0 = 0; row0 < rows; row0 += kTile) {
    for (int64_t column = 0; column < columns; ++column) {
      for (int64_t row = row0; row < std::min(row0 + kTile, rows); ++row)
        to[column * rows + row] = from[row * columns + column];
    }
  }
}

void spend(const Call& call, int64_t m, int64_t k, int64_t n) {
  int64_t products = 0;
  const bool is_too_much = __builtin_mul_overflow(m, k, &products) || __builtin_mul_overflow(products, n, &products);
  if (is_too_much || products > call.budget.products)
    throw Error(ErrorCode::out_of_memory,
                "a product of matrices takes more work than a run may have; give shorter texts");
  call.budget.products -= products;
}

// x: rows of k, times the node's weight.
void multiply_weight(Call& call, const Value& x, Value& out) {
  if (out.n() == 0) return;
  call.ops->products({{x.rows(), *call.weight, out.rows()}});
}

void mat_mul(Call& call) {
  const Value &a = call.in(0, Kind::real), &b = call.in(1, Kind::real);
  if (a.rank() == 0 || b.rank() == 0) call.fail("takes matrices");
  // A vector is a row on the left and a column on the right, and its axis goes again.
  Value left = a.rank() == 1 ? a.reshaped({1, a.n()}) : a, right = b.rank() == 1 ? b.reshaped({b.n(), 1}) : b;
  const int64_t m = left.dim(left.rank() - 2), k = left.last(), n = right.last();
  if (right.dim(right.rank() - 2) != k)
    call.fail("dimensions " + text_of(a.dims()) + " do not go with " + text_of(b.dims()));
  Dims left_batch(left.dims().begin(), left.dims().end() - 2),
      right_batch(right.dims().begin(), right.dims().end() - 2);
  // Rows of all batches together, where the right side is one matrix.
  Value one(Kind::boolean, left_batch, call.budget), other(Kind::boolean, right_batch, call.budget);
  const Value* const both[] = {&one, &other};
  const Dims batch = broadcast_dims(call, both);
  const Dims left_steps = broadcast_strides(one, batch), right_steps = broadcast_strides(other, batch);
  Dims dims = batch;
  if (a.rank() > 1) dims.push_back(m);
  if (b.rank() > 1) dims.push_back(n);
  Value& out = call.make(Kind::real, std::move(dims));
  spend(call, out.n(), k, 1);
  if (call.ops != nullptr && call.weight != nullptr && b.rank() == 2) return multiply_weight(call, left, out);
  Dims place(batch.size());
  int64_t at_left = 0, at_right = 0;
  for (int64_t i = 0; i < count_of(batch); ++i) {
    multiply(left.reals() + at_left * m * k, right.reals() + at_right * k * n, out.as<float>() + i * m * n, m, k, n);
    for (size_t axis = batch.size(); axis-- > 0;) {
      at_left += left_steps[axis];
      at_right += right_steps[axis];
      if (++place[axis] < batch[axis]) break;
      at_left -= left_steps[axis] * batch[axis];
      at_right -= right_steps[axis] * batch[axis];
      place[axis] = 0;
    }
  }
}

// alpha * a * b + beta * c, each of a and b perhaps transposed.
void gemm(Call& call) {
  Value a = call.in(0, Kind::real), b = call.in(1, Kind::real);
  if (a.rank() != 2 || b.rank() != 2) call.fail("takes matrices");
  const auto turn = [&](Value& x) {
    Value turned(Kind::real, {x.dim(1), x.dim(0)}, call.budget);
    transpose(x.reals(), turned.as<float>(), x.dim(0), x.dim(1));
    x = std::move(turned);
  };
  const bool turns_b = call.integer_or("transB", 0) != 0;
  if (call.integer_or("transA", 0) != 0) turn(a);
  const int64_t m = a.dim(0), k = a.dim(1), n = b.dim(turns_b ? 0 : 1);
  if (b.dim(turns_b ? 1 : 0) != k)
    call.fail("dimensions " + text_of(a.dims()) + " do not go with " + text_of(b.dims()));
  Value& out = call.make(Kind::real, {m, n});
  spend(call, m, k, n);
  if (call.ops != nullptr && call.weight != nullptr) {
    multiply_weight(call, a, out);
  } else {
    if (turns_b) turn(b);
    multiply(a.reals(), b.reals(), out.as<float>(), m, k, n);
  }
  const float alpha = call.get_or<float>("alpha", 1.0f), beta = call.get_or<float>("beta", 1.0f);
  for (int64_t i = 0; alpha != 1.0f && i < m * n; ++i) out.as<float>()[i] *= alpha;
  if (!call.has(2)) return;
  const Value& c = call.in(2, Kind::real);
  const Value* const both[] = {&out, &c};
  if (broadcast_dims(call, both) != out.dims()) call.fail("its third input is " + text_of(c.dims()));
  const Dims steps = broadcast_strides(c, out.dims());
  for (int64_t row = 0; row < m; ++row) {
    for (int64_t column = 0; column < n; ++column)
      out.as<float>()[row * n + column] += beta * c.reals()[row * steps[0] + column * steps[1]];
  }
}

constexpr OperatorRow kRows[] = {{"MatMul", mat_mul}, {"Gemm", gemm}};

}  // namespace

std::span<const OperatorRow> product_operators() {
  return kRows;
}

}  // namespace tidemill::onnx
