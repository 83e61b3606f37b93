#include "ops/checks.h"

namespace tidemill::ops_checks {

void fail(const std::string& message) {
  throw Error(ErrorCode::invalid_argument, message);
}

std::string text(const Tensor& tensor) {
  return std::string(info(tensor.dtype()).name) + " " + tensor.shape().to_string();
}

std::string text(const PagedRows& rows) {
  return std::string(info(rows.dtype()).name) + " " + rows.shape().to_string();
}

void expect_activation(std::string_view what, const Tensor& tensor, int rank) {
  if (tensor.dtype() != DType::f32 || tensor.shape().rank() != rank || !tensor.is_contiguous()) {
    fail(std::string(what) + " is " + text(tensor) + (tensor.is_contiguous() ? "" : " with gaps") +
         "; give contiguous f32 of rank " + std::to_string(rank));
  }
}

void expect_row(std::string_view what, const Tensor& row, const Tensor& x) {
  expect_activation(what, row, 1);
  if (x.shape().rank() < 1 || row.dim(0) != x.shape().last()) {
    fail(std::string(what) + " is " + text(row) + " and x " + text(x) + "; their last dimensions must be equal");
  }
}

void expect_alike(std::string_view what_a, const Tensor& a, std::string_view what_b, const Tensor& b) {
  expect_activation(what_a, a, a.shape().rank());
  expect_activation(what_b, b, a.shape().rank());
  expect_shape(what_b, b.shape(), a.shape());
}

void expect_shaped(std::string_view what, const Tensor& tensor, const Shape& shape) {
  expect_activation(what, tensor, shape.rank());
  expect_shape(what, tensor.shape(), shape);
}

void expect_divides(std::string_view what, int64_t n, const Tensor& x) {
  if (n >= 1 && x.shape().last() % n == 0) return;
  fail(std::string(what) + " is " + std::to_string(n) + " and x " + text(x) +
       "; give a number that divides the last dimension");
}

void expect_cover(std::string_view what, const Tensor& x, std::span<const StateRun> runs) {
  int64_t next_row = 0;
  for (const StateRun& run : runs) {
    if (run.first_row != next_row || run.n_rows < 0) break;
    next_row += run.n_rows;
  }
  if (next_row == x.dim(0)) return;
  fail(std::string(what) + " is " + text(x) + " but the runs cover " + std::to_string(next_row) +
       " rows; runs follow each other and cover every row once");
}

void expect_slots(std::string_view what, const Tensor& x, std::span<const StateRun> runs, const SlotPart& part) {
  expect_cover(what, x, runs);
  for (const StateRun& run : runs) {
    expect_activation(what, run.slot, 1);
    if (part.begin >= 0 && part.begin <= run.slot.dim(0) && part.size <= run.slot.dim(0) - part.begin) continue;
    fail(std::string(what) + ": " + std::to_string(part.size) + " numbers from " + std::to_string(part.begin) +
         " are not in the slot " + text(run.slot) + "; give a larger slot");
  }
}

}  // namespace tidemill::ops_checks
