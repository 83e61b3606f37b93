// Operators that sum along axes: means, norms, softmax.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "models/onnx/call.h"

namespace tidemill::onnx {
namespace {

// Calls f(out place, in place) for each element of x, where axes of `is_reduced` count for nothing in the result.
template <typename F>
void for_reduced(const Value& x, const std::vector<bool>& is_reduced, F f) {
  Dims kept = x.dims();
  for (size_t axis = 0; axis < kept.size(); ++axis) kept[axis] = is_reduced[axis] ? 1 : kept[axis];
  Dims steps = strides_of(kept);
  for (size_t axis = 0; axis < kept.size(); ++axis) steps[axis] = is_reduced[axis] ? 0 : steps[axis];
  Dims place(kept.size());
  int64_t to = 0;
  for (int64_t i = 0; i < x.n(); ++i) {
    f(to, i);
    for (size_t axis = place.size(); axis-- > 0;) {
      to += steps[axis];
      if (++place[axis] < x.dims()[axis]) break;
      to -= steps[axis] * x.dims()[axis];
      place[axis] = 0;
    }
  }
}

struct Reduced {
  Dims dims;                     // of the result
  std::vector<bool> is_reduced;  // each axis of the input
  int64_t n = 1;                 // elements that go into one
};

Reduced reduced(const Call& call) {
  const Value& x = call.in(0);
  const std::vector<int64_t> axes = call.axes(1, x.rank());
  const bool is_all = axes.empty() && call.integer_or("noop_with_empty_axes", 0) == 0;
  const bool keeps = call.integer_or("keepdims", 1) != 0;
  Reduced result;
  for (int64_t axis = 0; axis < x.rank(); ++axis) {
    const bool goes = is_all || std::ranges::binary_search(axes, axis);
    result.is_reduced.push_back(goes);
    if (goes) result.n *= x.dim(axis);
    if (!goes || keeps) result.dims.push_back(goes ? 1 : x.dim(axis));
  }
  return result;
}

// Sums in double: begin, then next(so far, element), then last(sum, n).
template <typename Next, typename Last>
void reduce(Call& call, double begin, Next next, Last last) {
  const Value& x = call.in(0, Kind::real);
  const Reduced how = reduced(call);
  Value& out = call.make(Kind::real, how.dims);
  std::vector<double> sums(static_cast<size_t>(out.n()), begin);
  for_reduced(x, how.is_reduced, [&](int64_t to, int64_t from) {
    double& sum = sums[static_cast<size_t>(to)];
    sum = next(sum, static_cast<double>(x.reals()[from]));
  });
  for (int64_t i = 0; i < out.n(); ++i)
    out.as<float>()[i] = static_cast<float>(last(sums[static_cast<size_t>(i)], static_cast<double>(how.n)));
}

template <typename Next>
void reduce_integers(Call& call, int64_t begin, Next next) {
  const Value& x = call.in(0, Kind::integer);
  const Reduced how = reduced(call);
  Value& out = call.make(Kind::integer, how.dims);
  std::fill_n(out.as<int64_t>(), out.n(), begin);
  for_reduced(x, how.is_reduced, [&](int64_t to, int64_t from) {
    out.as<int64_t>()[to] = next(out.as<int64_t>()[to], x.integers()[from]);
  });
}

constexpr auto kSum = [](double sum, double x) { return sum + x; };
constexpr auto kSumOfSquares = [](double sum, double x) { return sum + x * x; };
constexpr auto kItself = [](double sum, double) { return sum; };

bool is_whole(const Call& call) {
  return call.in(0).kind() == Kind::integer;
}

void reduce_sum(Call& call) {
  if (is_whole(call))
    return reduce_integers(call, 0, [](int64_t a, int64_t b) {
      return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
    });
  reduce(call, 0, kSum, kItself);
}
void reduce_mean(Call& call) {
  reduce(call, 0, kSum, [](double sum, double n) { return sum / n; });
}
void reduce_max(Call& call) {
  if (is_whole(call)) return reduce_integers(call, INT64_MIN, [](int64_t a, int64_t b) { return std::max(a, b); });
  reduce(call, -HUGE_VAL, [](double a, double b) { return std::max(a, b); }, kItself);
}
void reduce_min(Call& call) {
  if (is_whole(call)) return reduce_integers(call, INT64_MAX, [](int64_t a, int64_t b) { return std::min(a, b); });
  reduce(call, HUGE_VAL, [](double a, double b) { return std::min(a, b); }, kItself);
}
void reduce_l1(Call& call) {
  reduce(call, 0, [](double sum, double x) { return sum + std::abs(x); }, kItself);
}
void reduce_l2(Call& call) {
  reduce(call, 0, kSumOfSquares, [](double sum, double) { return std::sqrt(sum); });
}
void reduce_sum_square(Call& call) {
  reduce(call, 0, kSumOfSquares, kItself);
}

// x seen as rows of what lies from `axis` on.
struct Rows {
  int64_t n_rows, width;
};
Rows rows_from(const Value& x, int64_t axis) {
  int64_t width = 1;
  for (int64_t at = axis; at < x.rank(); ++at) width *= x.dim(at);
  return {width == 0 ? 0 : x.n() / width, width};
}

void softmax_row(const float* x, float* out, int64_t n, int64_t step) {
  float greatest = -HUGE_VALF;
  for (int64_t i = 0; i < n; ++i) greatest = std::max(greatest, x[i * step]);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += out[i * step] = std::exp(x[i * step] - greatest);
  const auto share = static_cast<float>(1.0 / sum);
  for (int64_t i = 0; i < n; ++i) out[i * step] *= share;
}

void softmax(Call& call) {
  const Value& x = call.in(0, Kind::real);
  const bool is_old = call.opset < 13;  // over all axes from one on, of which the usual is the second
  const int64_t axis = call.axis_of(call.integer_or("axis", is_old ? 1 : -1), x.rank());
  Value& out = call.make(Kind::real, x.dims());
  const auto [n_rows, width] = rows_from(x, axis);
  const int64_t n = is_old ? width : x.dim(axis), step = n == 0 ? 1 : width / n;
  for (int64_t row = 0; row < n_rows; ++row) {
    for (int64_t inner = 0; inner < step; ++inner)
      softmax_row(x.reals() + row * width + inner, out.as<float>() + row * width + inner, n, step);
  }
}

// The size of a vector, or nothing of one that is left out.
void expect_width(const Call& call, size_t index, int64_t width) {
  if (call.has(index) && call.in(index, Kind::real).n() != width)
    call.fail("input " + std::to_string(index) + " is " + text_of(call.in(index).dims()) + ", expected " +
              std::to_string(width) + " numbers");
}

void normalize(Call& call, bool has_mean) {
  const Value& x = call.in(0, Kind::real);
  const int64_t axis = call.axis_of(call.integer_or("axis", -1), x.rank());
  const double eps = static_cast<double>(call.get_or<float>("epsilon", 1e-5f));
  const auto [n_rows, width] = rows_from(x, axis);
  expect_width(call, 1, width);
  expect_width(call, 2, width);
  const float* const weight = call.has(1) ? call.in(1).reals() : nullptr;
  const float* const bias = call.has(2) ? call.in(2).reals() : nullptr;
  Value& out = call.make(Kind::real, x.dims());
  for (int64_t row = 0; row < n_rows; ++row) {
    const float* const from = x.reals() + row * width;
    float* const to = out.as<float>() + row * width;
    double mean = 0, squares = 0;
    for (int64_t i = 0; has_mean && i < width; ++i) mean += static_cast<double>(from[i]);
    mean /= static_cast<double>(width);
    for (int64_t i = 0; i < width; ++i) {
      const double d = static_cast<double>(from[i]) - mean;
      squares += d * d;
    }
    const double scale = 1.0 / std::sqrt(squares / static_cast<double>(width) + eps);
    for (int64_t i = 0; i < width; ++i) {
      const auto unit = static_cast<float>((static_cast<double>(from[i]) - mean) * scale);
      to[i] = (weight != nullptr ? unit * weight[i] : unit) + (bias != nullptr ? bias[i] : 0.0f);
    }
  }
}

void lp_normalization(Call& call) {
  const Value& x = call.in(0, Kind::real);
  const int64_t axis = call.axis_of(call.integer_or("axis", -1), x.rank());
  const bool is_square = call.integer_or("p", 2) == 2;
  Value& out = call.make(Kind::real, x.dims());
  const auto [n_rows, width] = rows_from(x, axis);
  const int64_t n = x.dim(axis), step = n == 0 ? 1 : width / n;
  for (int64_t at = 0; at < n_rows * step; ++at) {
    const int64_t first = at / step * width + at % step;
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double value = static_cast<double>(x.reals()[first + i * step]);
      sum += is_square ? value * value : std::abs(value);
    }
    const double norm = is_square ? std::sqrt(sum) : sum;
    for (int64_t i = 0; i < n; ++i) {
      const int64_t place = first + i * step;
      out.as<float>()[place] = norm == 0 ? 0.0f : static_cast<float>(static_cast<double>(x.reals()[place]) / norm);
    }
  }
}

constexpr OperatorRow kRows[] = {
    {"ReduceSum", reduce_sum},
    {"ReduceMean", reduce_mean},
    {"ReduceMax", reduce_max},
    {"ReduceMin", reduce_min},
    {"ReduceL1", reduce_l1},
    {"ReduceL2", reduce_l2},
    {"ReduceSumSquare", reduce_sum_square},
    {"Softmax", softmax},
    {"LayerNormalization", [](Call& call) { normalize(call, true); }},
    {"RMSNormalization", [](Call& call) { normalize(call, false); }},
    {"SimplifiedLayerNormalization", [](Call& call) { normalize(call, false); }},
    {"LpNormalization", lp_normalization},
};

}  // namespace

std::span<const OperatorRow> reduction_operators() {
  return kRows;
}

}  // namespace tidemill::onnx
