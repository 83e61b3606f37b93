#include "embed/running_vector.h"

#include <algorithm>

namespace tidemill {
namespace {

double weight_of(LongText how, int64_t part, int64_t n_tokens) {
  if (how == LongText::by_tokens) return static_cast<double>(n_tokens);
  if (how == LongText::by_position) return 1.0 / static_cast<double>(part + 1);
  return 1.0;
}

}  // namespace

void RunningVector::add(std::span<const float> vector, int64_t n_tokens) {
  const double weight = weight_of(how_, n_parts_, n_tokens);
  if (n_parts_++ == 0) {
    greatest_.assign(vector.begin(), vector.end());
    sums_.resize(vector.size());
  }
  total_ += weight;
  for (size_t i = 0; i < vector.size(); ++i) {
    greatest_[i] = std::max(greatest_[i], vector[i]);
    sums_[i] += weight * double{vector[i]};
  }
}

std::vector<float> RunningVector::value() const {
  if (how_ == LongText::max) return greatest_;
  std::vector<float> result(sums_.size());
  for (size_t i = 0; i < sums_.size(); ++i) result[i] = static_cast<float>(sums_[i] / total_);
  return result;
}

}  // namespace tidemill
