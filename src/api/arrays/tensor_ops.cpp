// Elementwise functions, norms, softmax and rotations: each is checked, cut into blocks of rows and given to the kernel
// that models run on.  Products and attention are in files of their own.
#include "tidemill/tensor_ops.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "api/arrays/array_checks.h"
#include "api/arrays/array_rows.h"
#include "api/arrays/tensor_ops_impl.h"
#include "backends/cpu/activation.h"
#include "backends/cpu/dot.h"
#include "backends/cpu/elementwise.h"
#include "backends/cpu/grain.h"
#include "backends/cpu/isa.h"
#include "backends/cpu/norm.h"
#include "backends/cpu/rope.h"
#include "backends/cpu/softmax.h"
#include "tidemill/system.h"

namespace tidemill {
namespace {

// Contiguous rows of f32 as kernels take them.
Tensor rows_of(const float* data, int64_t n_rows, int64_t width) {
  return {const_cast<float*>(data), DType::f32, {n_rows, width}};
}

// What a norm multiplies with, or adds: `array` as f32 where it lies, or a copy.
class Parameter {
 public:
  Parameter(std::string_view name, const std::optional<ArrayView>& array, int64_t width) : width_(width) {
    if (!array) return;
    expect_float(name, *array);
    if (array->rank() != 1 || array->dim(1) != width) {
      refuse_shape(name, *array, "expected [" + std::to_string(width) + "], a number for each of x's last axis");
    }
    if (array->dtype == DType::f32 && array->is_contiguous()) {
      values_ = static_cast<const float*>(array->data);
    } else {
      copy_.resize(static_cast<size_t>(width));
      ArrayRows(*array).load(0, 1, copy_.data());
      values_ = copy_.data();
    }
  }
  Parameter(const Parameter&) = delete;
  Parameter& operator=(const Parameter&) = delete;

  Tensor or_none() const { return values_ == nullptr ? Tensor() : vector(); }
  Tensor or_ones() {
    if (values_ == nullptr) {
      copy_.assign(static_cast<size_t>(width_), 1.0f);
      values_ = copy_.data();
    }
    return vector();
  }

 private:
  Tensor vector() const { return {const_cast<float*>(values_), DType::f32, {width_}}; }

  int64_t width_;
  std::vector<float> copy_;
  const float* values_ = nullptr;
};

void expect_eps(float eps) {
  if (!(eps >= 0)) refuse("eps: it is " + std::to_string(eps) + "; give 0 or more");
}

void activate(OpenPool& pool, const ArrayView& x, Activation activation, const ArrayView& out) {
  expect_float("x", x);
  expect_result(x.shape, out);
  if (x.n_elements() == 0) return;
  const bool is_flat = x.is_contiguous() && out.is_contiguous();
  const auto rows = [&](const ArrayView& array) { return is_flat ? ArrayRows::flat(array) : ArrayRows(array); };
  for_each_block(pool, rows(x), rows(out), [&](const float* from, float* to, int64_t, int64_t n) {
    activate(activation, from, to, n * (is_flat ? 1 : x.dim(1)));
  });
}

// Of fewer than a vector has lanes, rows are cheaper to make.
constexpr int64_t kFewestColumns = 16;

void softmax_of_columns(OpenPool& pool, const ArrayRows& x, const ArrayRows& out) {
  constexpr int64_t kColumns = 64;  // of a piece: 256 bytes of each line
  const int64_t size = x.column_size(), pieces_per_run = ceil_div(size, kColumns);
  const int64_t grain = std::max<int64_t>(1, kElementsPerPiece / (kColumns * x.width()));
  pool.parallel_for(x.n_rows() / size * pieces_per_run, grain, [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t first = piece % pieces_per_run * kColumns, row = piece / pieces_per_run * size + first;
      softmax_columns(x.column(row), x.column_stride(), out.column(row), out.column_stride(), x.width(),
                      std::min(kColumns, size - first));
    }
  });
}

// Pieces of sums, which are joined in order, so that the number of threads does not matter.
template <typename Piece>
double sum_of_pieces(OpenPool& pool, int64_t n, const Piece& piece) {
  if (n <= kElementsPerPiece) return piece(0, n);
  // A look at the threads costs as much as some pieces.
  constexpr int64_t kPiecesPerThread = 4;
  std::vector<double> sums(static_cast<size_t>(ceil_div(n, kElementsPerPiece)));
  pool.parallel_for(std::ssize(sums), kPiecesPerThread, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i * kElementsPerPiece;
      sums[static_cast<size_t>(i)] = piece(first, std::min(n, first + kElementsPerPiece));
    }
  });
  double sum = 0;
  for (const double one : sums) sum += one;
  return sum;
}

template <typename T>
double dot_in_place(OpenPool& pool, const ArrayView& a, const ArrayView& b) {
  const auto *left = static_cast<const T*>(a.data), *right = static_cast<const T*>(b.data);
  return sum_of_pieces(pool, a.dim(1), [&](int64_t begin, int64_t end) -> double {
    return dot(left + begin, right + begin, end - begin);
  });
}

bool are_in_place(DType dtype, std::initializer_list<const ArrayView*> arrays) {
  return std::ranges::all_of(arrays, [&](const ArrayView* one) { return one->dtype == dtype && one->is_contiguous(); });
}

template <typename T>
void add_in_place(OpenPool& pool, const ArrayView& a, const ArrayView& b, const ArrayView& out) {
  const auto *left = static_cast<const T*>(a.data), *right = static_cast<const T*>(b.data);
  auto* const sum = static_cast<T*>(out.data);
  pool.parallel_for(a.n_elements(), 4 * kElementsPerPiece,
                    [&](int64_t begin, int64_t end) { add(left + begin, right + begin, sum + begin, end - begin); });
}

// Numbers of any kind in float64, one by one: for arrays of f64 that do not lie in one piece.
void add_one_by_one(const ArrayView& a, const ArrayView& b, const ArrayView& out, size_t axis, int64_t at_a,
                    int64_t at_b, int64_t at_out) {
  if (axis == a.shape.size()) {
    store_double(out, at_out, load_double(a, at_a) + load_double(b, at_b));
    return;
  }
  for (int64_t i = 0; i < a.shape[axis]; ++i) {
    add_one_by_one(a, b, out, axis + 1, at_a + i * a.strides[axis], at_b + i * b.strides[axis],
                   at_out + i * out.strides[axis]);
  }
}

}  // namespace

TensorOps::TensorOps(int n_threads) : impl_(std::make_unique<Impl>(n_threads)) {
  select_isa();
}
TensorOps::~TensorOps() = default;

int TensorOps::n_threads() const {
  return impl_->pool.n_threads();
}

double TensorOps::dot(const ArrayView& a, const ArrayView& b) {
  expect_float("a", a);
  expect_float("b", b);
  if (a.rank() != 1) refuse_shape("a", a, "expected one axis");
  if (b.rank() != 1 || b.dim(1) != a.dim(1)) refuse_shape("b", b, "expected that of a, " + to_string(a.shape));
  if (are_in_place(DType::f32, {&a, &b})) return dot_in_place<float>(impl_->pool, a, b);
  if (are_in_place(DType::f64, {&a, &b})) return dot_in_place<double>(impl_->pool, a, b);
  if (a.dtype == DType::f64 && b.dtype == DType::f64) {
    return sum_of_pieces(impl_->pool, a.dim(1), [&](int64_t begin, int64_t end) {
      double sum = 0;
      for (int64_t i = begin; i < end; ++i) sum += load_double(a, i * a.strides[0]) * load_double(b, i * b.strides[0]);
      return sum;
    });
  }
  return sum_of_pieces(impl_->pool, a.dim(1), [&](int64_t begin, int64_t end) -> double {
    std::vector<float> left(static_cast<size_t>(end - begin)), right(left.size());
    load_part(a, begin, end, left.data());
    load_part(b, begin, end, right.data());
    return tidemill::dot(left.data(), right.data(), end - begin);
  });
}

void TensorOps::add(const ArrayView& a, const ArrayView& b, const ArrayView& out) {
  expect_float("a", a);
  expect_float("b", b);
  if (!std::ranges::equal(a.shape, b.shape)) refuse_shape("b", b, "expected that of a, " + to_string(a.shape));
  expect_result(a.shape, out);
  if (a.n_elements() == 0) return;
  if (are_in_place(DType::f32, {&a, &b, &out})) return add_in_place<float>(impl_->pool, a, b, out);
  if (are_in_place(DType::f64, {&a, &b, &out})) return add_in_place<double>(impl_->pool, a, b, out);
  if (a.dtype == DType::f64 || b.dtype == DType::f64) return add_one_by_one(a, b, out, 0, 0, 0, 0);
  const ArrayRows left(a), right(b), sum(out);
  for_each_block(impl_->pool, left, sum, [&](const float* x, float* to, int64_t first, int64_t n) {
    const int64_t count = n * left.width();
    if (right.is_in_place()) return tidemill::add(x, right.at(first), to, count);
    std::vector<float> y(static_cast<size_t>(count));
    right.load(first, n, y.data());
    tidemill::add(x, y.data(), to, count);
  });
}

void TensorOps::gelu(const ArrayView& x, GeluForm form, const ArrayView& out) {
  activate(impl_->pool, x, form == GeluForm::exact ? Activation::gelu : Activation::gelu_tanh, out);
}

void TensorOps::silu(const ArrayView& x, const ArrayView& out) {
  activate(impl_->pool, x, Activation::silu, out);
}

void TensorOps::softmax(const ArrayView& x, int axis, const ArrayView& out) {
  expect_float("x", x);
  expect_result(x.shape, out);
  const int rank = x.rank(), from_first = axis < 0 ? axis + rank : axis;
  if (from_first < 0 || from_first >= rank) {
    refuse_shape("axis", x,
                 "has no axis " + std::to_string(axis) + "; give one from " + std::to_string(-rank) + " to " +
                     std::to_string(rank - 1));
  }
  if (x.n_elements() == 0) return;
  const ArrayRows rows(x, from_first), results(out, from_first);
  if (rows.is_columns() && results.is_columns() && rows.column_size() == results.column_size() &&
      rows.column_size() >= kFewestColumns) {
    return softmax_of_columns(impl_->pool, rows, results);
  }
  for_each_block(impl_->pool, rows, results,
                 [&](const float* from, float* to, int64_t, int64_t n) { softmax_rows(from, to, n, rows.width()); });
}

void TensorOps::layer_norm(const ArrayView& x, const std::optional<ArrayView>& weight,
                           const std::optional<ArrayView>& bias, float eps, const ArrayView& out) {
  expect_float("x", x);
  expect_rank("x", x, 1);
  expect_result(x.shape, out);
  expect_eps(eps);
  const int64_t width = x.dim(1);
  Parameter scales("weight", weight, width), shifts("bias", bias, width);
  if (x.n_elements() == 0) return;
  const Tensor scale = scales.or_ones(), shift = shifts.or_none();
  for_each_block(impl_->pool, ArrayRows(x), ArrayRows(out), [&](const float* from, float* to, int64_t, int64_t n) {
    compute(lone_pool(), op::LayerNorm{rows_of(from, n, width), scale, shift, eps, rows_of(to, n, width)});
  });
}

void TensorOps::rms_norm(const ArrayView& x, const std::optional<ArrayView>& weight, float eps, const ArrayView& out) {
  expect_float("x", x);
  expect_rank("x", x, 1);
  expect_result(x.shape, out);
  expect_eps(eps);
  const int64_t width = x.dim(1);
  Parameter scales("weight", weight, width);
  if (x.n_elements() == 0) return;
  const Tensor scale = scales.or_ones();
  for_each_block(impl_->pool, ArrayRows(x), ArrayRows(out), [&](const float* from, float* to, int64_t, int64_t n) {
    compute(lone_pool(), op::RmsNorm{rows_of(from, n, width), scale, eps, rows_of(to, n, width)});
  });
}

void TensorOps::rope(const ArrayView& x, const Rotation& rotation, const ArrayView& out) {
  expect_float("x", x);
  expect_rank("x", x, 2);
  expect_result(x.shape, out);
  const int64_t n_tokens = x.dim(2), head_dim = x.dim(1);
  const int64_t n_rotated = rotation.n_rotated == 0 ? head_dim : rotation.n_rotated;
  if (n_rotated < 0 || n_rotated > head_dim || n_rotated % 2 != 0) {
    refuse_shape("x", x,
                 "cannot rotate " + std::to_string(n_rotated) + " elements of its heads; n_rotated is an even " +
                     "number up to " + std::to_string(head_dim));
  }
  if (!(rotation.base > 0) || std::isinf(rotation.base))
    refuse("base: it is no number above 0; give one, such as 10000");
  if (!rotation.positions.empty() && std::ssize(rotation.positions) != n_tokens) {
    throw ShapeError("positions: there are " + std::to_string(rotation.positions.size()) + ", expected " +
                     std::to_string(n_tokens) + ", one for each token of x");
  }
  if (x.n_elements() == 0) return;

  std::vector<int32_t> in_order;
  if (rotation.positions.empty()) {
    if (n_tokens > INT32_MAX) refuse_shape("x", x, "has more tokens than there are positions");
    for (int64_t token = 0; token < n_tokens; ++token) in_order.push_back(static_cast<int32_t>(token));
  }
  std::vector<float> frequencies(static_cast<size_t>(n_rotated / 2));
  for (size_t j = 0; j < frequencies.size(); ++j) {
    frequencies[j] =
        static_cast<float>(std::pow(rotation.base, -2.0 * static_cast<double>(j) / static_cast<double>(n_rotated)));
  }
  std::vector<float> angles(static_cast<size_t>(n_tokens * n_rotated));
  const Tensor table(angles.data(), DType::f32, {n_tokens, n_rotated});
  const std::span<const int32_t> positions = rotation.positions.empty() ? in_order : rotation.positions;
  impl_->pool.parallel_for(n_tokens, rows_per_piece(16 * n_rotated), [&](int64_t begin, int64_t end) {
    compute(lone_pool(),
            op::RopeTable{.positions = positions.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)),
                          .inv_freq = Tensor(frequencies.data(), DType::f32, {n_rotated / 2}),
                          .scale = 1.0f,
                          .out = table.slice(0, begin, end)});
  });

  const RopePairs pairs = rotation.is_interleaved ? RopePairs::adjacent : RopePairs::halves;
  for_each_block(impl_->pool, ArrayRows(x), ArrayRows(out),
                 [&](const float* from, float* to, int64_t first, int64_t n) {
                   // The tokens of a block, up to where the next head or text begins anew.
                   for (int64_t row = 0; row < n;) {
                     const int64_t token = (first + row) % n_tokens, count = std::min(n - row, n_tokens - token);
                     const auto part = [&](const float* data) {
                       return Tensor(const_cast<float*>(data + row * head_dim), DType::f32, {count, 1, head_dim});
                     };
                     compute(lone_pool(), op::Rope{part(from), table.slice(0, token, token + count), pairs, part(to)});
                     row += count;
                   }
                 });
}

void TensorOps::warm_up() {
  const int64_t n = kElementsPerPiece, width = 64, size = n / width;
  std::vector<float> numbers(static_cast<size_t>(3 * n), 0.5f);
  const int64_t flat_shape[] = {n}, flat_strides[] = {4};
  const int64_t shape[] = {size, width}, strides[] = {4 * width, 4};
  const int64_t square_shape[] = {width, width};
  const auto flat = [&](int64_t part) {
    return ArrayView{numbers.data() + part * n, DType::f32, flat_shape, flat_strides};
  };
  const auto rows = [&](int64_t part) { return ArrayView{numbers.data() + part * n, DType::f32, shape, strides}; };
  const auto square = [&](int64_t part) {
    return ArrayView{numbers.data() + part * n, DType::f32, square_shape, strides};
  };
  dot(flat(0), flat(1));
  add(flat(0), flat(1), flat(2));
  gelu(flat(0), GeluForm::exact, flat(2));
  silu(flat(0), flat(2));
  softmax(rows(0), -1, rows(2));
  layer_norm(rows(0), {}, {}, 1e-5f, rows(2));
  rms_norm(rows(0), {}, 1e-5f, rows(2));
  rope(rows(0), {}, rows(2));
  matmul(square(0), square(1), square(2));
  attention(square(0), square(1), square(1), {}, square(2));
}

float gelu(float x, GeluForm form) {
  select_isa();
  activate(form == GeluForm::exact ? Activation::gelu : Activation::gelu_tanh, &x, &x, 1);
  return x;
}

float silu(float x) {
  select_isa();
  activate(Activation::silu, &x, &x, 1);
  return x;
}

}  // namespace tidemill
