#include "runtime/pass_cost.h"

#include <algorithm>

namespace tidemill {
namespace {

constexpr double kKept = 0.95;  // of what was known, with each pass

// What is assumed beside a row alone until passes of several rows have been seen, as if so much of one had been.
struct Assumed {
  double rows, times_one, weight;
};
constexpr Assumed kAssumed[] = {{2, 1.6, 0.5}, {16, 5, 0.5}};

}  // namespace

void PassCost::add(int64_t n_rows, double seconds) {
  if (n_rows < 1 || n_rows > kMostRows) return;
  if (n_rows == 1) {
    one_ = one_ == 0 ? seconds : one_ + (1 - kKept) * (seconds - one_);
    return;
  }
  const auto rows = static_cast<double>(n_rows);
  for (double* sum : {&weight_, &rows_, &seconds_, &rows_rows_, &rows_seconds_}) *sum *= kKept;
  weight_ += 1;
  rows_ += rows;
  seconds_ += seconds;
  rows_rows_ += rows * rows;
  rows_seconds_ += rows * seconds;
}

double PassCost::seconds(int64_t n_rows) const {
  if (one_ == 0 && weight_ == 0) return 0;
  const double one = one_ != 0 ? one_ : seconds_ / rows_;  // of a batch, the share of a row
  if (n_rows <= 1) return one;
  double weight = weight_, rows = rows_, seconds = seconds_, rows_rows = rows_rows_, rows_seconds = rows_seconds_;
  for (const Assumed& assumed : kAssumed) {
    weight += assumed.weight;
    rows += assumed.weight * assumed.rows;
    seconds += assumed.weight * assumed.times_one * one;
    rows_rows += assumed.weight * assumed.rows * assumed.rows;
    rows_seconds += assumed.weight * assumed.rows * assumed.times_one * one;
  }
  // The two assumed points differ in their rows, so there is a line.  One that falls is of disturbed measurements.
  const double slope = (weight * rows_seconds - rows * seconds) / (weight * rows_rows - rows * rows);
  const double rise = std::max(slope, 0.0);
  const double at_zero = (seconds - rise * rows) / weight;
  return std::max(one, at_zero + rise * static_cast<double>(n_rows));
}

double PassLoad::rate_with(int64_t n_rows, double n_ids, double seconds) const {
  const double whole = cost_->seconds(n_rows_ + n_rows) + seconds;
  return whole == 0 ? 0 : (n_ids_ + n_ids) / whole;
}

}  // namespace tidemill
