// What Ops checks before kernels run: each throws invalid_argument naming the operation and the shapes.  `what` is the
// operation and its operand, "matmul: x".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "ops/operations.h"
#include "tidemill/tensor.h"

namespace tidemill::ops_checks {

[[noreturn]] void fail(const std::string& message);

// Dtype and shape, "f32 [3, 4]".
std::string text(const Tensor& tensor);
std::string text(const PagedRows& rows);

// Activations are contiguous f32 of one rank.
void expect_activation(std::string_view what, const Tensor& tensor, int rank);
// A vector as wide as the rows of x.
void expect_row(std::string_view what, const Tensor& row, const Tensor& x);
// Two activations of one shape.
void expect_alike(std::string_view what_a, const Tensor& a, std::string_view what_b, const Tensor& b);
// An activation of this shape.
void expect_shaped(std::string_view what, const Tensor& tensor, const Shape& shape);
// `n` is above zero and divides the last dimension of x.
void expect_divides(std::string_view what, int64_t n, const Tensor& x);
// The runs follow each other and cover every row of x once.
void expect_cover(std::string_view what, const Tensor& x, std::span<const StateRun> runs);
// They do, and `part` lies within the slot of each.
void expect_slots(std::string_view what, const Tensor& x, std::span<const StateRun> runs, const SlotPart& part);

}  // namespace tidemill::ops_checks
