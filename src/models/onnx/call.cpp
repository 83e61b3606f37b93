#include "models/onnx/call.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tidemill/error.h"

namespace tidemill::onnx {

void Call::fail(const std::string& why) const {
  throw Error(ErrorCode::bad_file, why);
}

const Value& Call::in(size_t index) const {
  if (!has(index)) fail("input " + std::to_string(index) + " is missing");
  return *inputs[index];
}

const Value& Call::in(size_t index, Kind kind) const {
  const Value& value = in(index);
  if (value.kind() != kind)
    fail("input " + std::to_string(index) + " holds " + name_of(value.kind()) + ", expected " + name_of(kind));
  return value;
}

std::vector<int64_t> Call::numbers(size_t index) const {
  const Value& value = in(index, Kind::integer);
  return {value.integers(), value.integers() + value.n()};
}

float Call::real(size_t index) const {
  const Value& value = in(index, Kind::real);
  if (value.n() != 1) fail("input " + std::to_string(index) + " must be one number");
  return *value.reals();
}

int64_t Call::integer(size_t index) const {
  const Value& value = in(index, Kind::integer);
  if (value.n() != 1) fail("input " + std::to_string(index) + " must be one number");
  return *value.integers();
}

Value& Call::make(Kind kind, Dims dims, size_t index) {
  if (index >= outputs.size()) fail("has too few outputs");
  return outputs[index] = Value(kind, std::move(dims), budget);
}

void Call::give(Value value, size_t index) {
  if (index >= outputs.size()) fail("has too few outputs");
  outputs[index] = std::move(value);
}

int64_t Call::axis_of(int64_t axis, int64_t rank) const {
  if (axis < -rank || axis >= rank)
    fail("axis " + std::to_string(axis) + " of a value with " + std::to_string(rank) + " dimensions");
  return axis < 0 ? axis + rank : axis;
}

std::vector<int64_t> Call::axes(size_t index, int64_t rank) const {
  std::vector<int64_t> axes;
  if (const auto* list = node.find<std::vector<int64_t>>("axes")) {
    axes = *list;
  } else if (has(index)) {
    axes = numbers(index);
  }
  for (int64_t& axis : axes) axis = axis_of(axis, rank);
  std::ranges::sort(axes);
  if (std::ranges::adjacent_find(axes) != axes.end()) fail("an axis is named twice");
  return axes;
}

Dims broadcast_dims(const Call& call, std::span<const Value* const> values) {
  Dims dims;
  for (const Value* value : values) {
    const Dims& own = value->dims();
    if (own.size() > dims.size()) dims.insert(dims.begin(), own.size() - dims.size(), 1);
    for (size_t at = 0; at < own.size(); ++at) {
      int64_t& dim = dims[dims.size() - own.size() + at];
      if (dim == 1) dim = own[at];
      if (own[at] != dim && own[at] != 1) call.fail("dimensions " + text_of(own) + " do not go with " + text_of(dims));
    }
  }
  return dims;
}

Dims broadcast_strides(const Value& value, const Dims& dims) {
  const Dims own = strides_of(value.dims());
  Dims strides(dims.size());
  const size_t first = dims.size() - own.size();
  for (size_t at = 0; at < own.size(); ++at) strides[first + at] = value.dims()[at] == 1 ? 0 : own[at];
  return strides;
}

Dims strides_of(const Dims& dims) {
  Dims strides(dims.size());
  int64_t step = 1;
  for (size_t axis = dims.size(); axis-- > 0; step *= dims[axis]) strides[axis] = step;
  return strides;
}

Operator find_operator(std::string_view name) {
  for (const auto group : {arithmetic_operators(), function_operators(), shape_operators(), selection_operators(),
                           reduction_operators(), product_operators()}) {
    for (const OperatorRow& row : group) {
      if (row.name == name) return row.run;
    }
  }
  return nullptr;
}

}  // namespace tidemill::onnx
