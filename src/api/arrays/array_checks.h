// What the functions of arrays ask of their arguments, and single numbers of these.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tidemill/array_view.h"

namespace tidemill {

std::string to_string(std::span<const int64_t> shape);  // "[2, 3]"

// Throws invalid_argument.
[[noreturn]] void refuse(const std::string& message);
// Throws ShapeError: "NAME: the shape [2, 3] ...: WHY".
[[noreturn]] void refuse_shape(std::string_view name, const ArrayView& array, const std::string& why);

// Throws invalid_argument unless `array` holds f32, f16, bf16 or f64.
void expect_float(std::string_view name, const ArrayView& array);
// Throws ShapeError for less than `n_axes`.
void expect_rank(std::string_view name, const ArrayView& array, int n_axes);
// Of `out`: throws invalid_argument for its type, ShapeError unless it has `shape`.
void expect_result(std::span<const int64_t> shape, const ArrayView& out);

// The number `offset` bytes from the first.
double load_double(const ArrayView& array, int64_t offset);
void store_double(const ArrayView& array, int64_t offset, double value);

// Numbers [begin, end) of an array of one axis.
void load_part(const ArrayView& array, int64_t begin, int64_t end, float* target);

}  // namespace tidemill
