// Operators that tell, change and make shapes; elements stay as they are.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "models/onnx/call.h"

namespace tidemill::onnx {
namespace {

void shape(Call& call) {
  const Dims& dims = call.in(0).dims();
  const auto rank = static_cast<int64_t>(dims.size());
  const auto place = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank); };
  const int64_t begin = place(call.integer_or("start", 0)), end = place(call.integer_or("end", rank));
  Value& out = call.make(Kind::integer, {std::max<int64_t>(end - begin, 0)});
  for (int64_t at = begin; at < end; ++at) out.as<int64_t>()[at - begin] = dims[static_cast<size_t>(at)];
}

void size(Call& call) {
  *call.make(Kind::integer, {}).as<int64_t>() = call.in(0).n();
}

void reshape(Call& call) {
  const Value& x = call.in(0);
  Dims dims = call.numbers(1);
  const bool keeps_zeros = call.integer_or("allowzero", 0) != 0;
  int64_t* open = nullptr;
  int64_t n = 1;
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    if (dims[axis] == 0 && !keeps_zeros) {
      if (axis >= x.dims().size()) call.fail("a 0 in the shape stands for a dimension that is not there");
      dims[axis] = x.dims()[axis];
    }
    if (dims[axis] == -1) {
      if (open != nullptr) call.fail("two dimensions are left open");
      open = &dims[axis];
    } else if (dims[axis] < 0 || __builtin_mul_overflow(n, dims[axis], &n)) {
      call.fail("the shape " + text_of(dims) + " cannot be");
    }
  }
  if (open != nullptr) *open = n == 0 ? 0 : x.n() / n;
  if (count_of(dims) != x.n()) call.fail(text_of(x.dims()) + " cannot become " + text_of(dims));
  call.give(x.reshaped(std::move(dims)));
}

void unsqueeze(Call& call) {
  const Value& x = call.in(0);
  const size_t n_axes = call.node.find<std::vector<int64_t>>("axes") != nullptr
                            ? call.node.find<std::vector<int64_t>>("axes")->size()
                            : call.numbers(1).size();
  const std::vector<int64_t> axes = call.axes(1, x.rank() + static_cast<int64_t>(n_axes));
  Dims dims = x.dims();
  for (const int64_t axis : axes) dims.insert(dims.begin() + axis, 1);
  call.give(x.reshaped(std::move(dims)));
}

void squeeze(Call& call) {
  const Value& x = call.in(0);
  std::vector<int64_t> axes = call.axes(1, x.rank());
  const bool is_all = axes.empty();
  Dims dims;
  for (int64_t axis = 0; axis < x.rank(); ++axis) {
    const bool goes = is_all ? x.dim(axis) == 1 : std::ranges::binary_search(axes, axis);
    if (goes && x.dim(axis) != 1) call.fail("axis " + std::to_string(axis) + " of " + text_of(x.dims()) + " is not 1");
    if (!goes) dims.push_back(x.dim(axis));
  }
  call.give(x.reshaped(std::move(dims)));
}

void flatten(Call& call) {
  const Value& x = call.in(0);
  const int64_t wanted = call.integer_or("axis", 1);
  const int64_t axis = wanted == x.rank() ? wanted : call.axis_of(wanted, x.rank());
  const Dims first(x.dims().begin(), x.dims().begin() + axis);
  const int64_t n_first = count_of(first);
  call.give(x.reshaped({n_first, n_first == 0 ? 0 : x.n() / n_first}));
}

// Dropout and the like, which do nothing but in training.
void identity(Call& call) {
  call.give(call.in(0));
}

void constant(Call& call) {
  if (const auto* number = call.node.find<float>("value_float")) {
    *call.make(Kind::real, {}).as<float>() = *number;
  } else if (const auto* whole = call.node.find<int64_t>("value_int")) {
    *call.make(Kind::integer, {}).as<int64_t>() = *whole;
  } else if (const auto* reals = call.node.find<std::vector<float>>("value_floats")) {
    std::ranges::copy(*reals, call.make(Kind::real, {std::ssize(*reals)}).as<float>());
  } else if (const auto* integers = call.node.find<std::vector<int64_t>>("value_ints")) {
    std::ranges::copy(*integers, call.make(Kind::integer, {std::ssize(*integers)}).as<int64_t>());
  } else {
    call.fail("holds no numbers that are read here");  // tensors are taken when the graph is prepared
  }
}

template <typename T>
void fill(Value& out, T value) {
  std::fill_n(out.as<T>(), out.n(), value);
}

// The attribute's one element, given as a value by who prepared the graph.
void constant_of_shape(Call& call) {
  Dims dims = call.numbers(0);
  if (!call.has(1)) return fill(call.make(Kind::real, std::move(dims)), 0.0f);
  const Value& value = call.in(1);
  if (value.n() != 1) call.fail("'value' must be one number");
  Value& out = call.make(value.kind(), std::move(dims));
  if (value.kind() == Kind::real) return fill(out, *value.reals());
  if (value.kind() == Kind::integer) return fill(out, *value.integers());
  fill(out, *value.booleans());
}

template <typename T>
void range_of(Call& call, int64_t n, T begin, T step) {
  T* const out = call.make(call.in(0).kind(), {std::max<int64_t>(n, 0)}).as<T>();
  for (int64_t i = 0; i < n; ++i) out[i] = begin + static_cast<T>(i) * step;
}

void range(Call& call) {
  if (call.in(0).kind() == Kind::real) {
    const float begin = call.real(0), end = call.real(1), step = call.real(2);
    const double n = std::ceil((static_cast<double>(end) - begin) / step);
    if (!(n < 1e12)) call.fail("has too many elements");
    return range_of<float>(call, static_cast<int64_t>(std::max(n, 0.0)), begin, step);
  }
  const int64_t begin = call.integer(0), end = call.integer(1), step = call.integer(2);
  constexpr int64_t kMost = int64_t{1} << 40;
  const bool is_small = std::abs(begin) < kMost && std::abs(end) < kMost && step > -kMost && step < kMost;
  if (step == 0 || !is_small)
    call.fail("goes from " + std::to_string(begin) + " to " + std::to_string(end) + " by " + std::to_string(step));
  const int64_t way = end - begin;
  const bool is_ahead = (way > 0) == (step > 0) && way != 0;
  range_of<int64_t>(call, is_ahead ? (std::abs(way) + std::abs(step) - 1) / std::abs(step) : 0, begin, step);
}

constexpr OperatorRow kRows[] = {
    {"Shape", shape},       {"Size", size},
    {"Reshape", reshape},   {"Unsqueeze", unsqueeze},
    {"Squeeze", squeeze},   {"Flatten", flatten},
    {"Identity", identity}, {"Dropout", identity},
    {"Constant", constant}, {"ConstantOfShape", constant_of_shape},
    {"Range", range},
};

}  // namespace

std::span<const OperatorRow> shape_operators() {
  return kRows;
}

}  // namespace tidemill::onnx
