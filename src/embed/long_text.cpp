#include "embed/long_text.h"

#include <algorithm>

namespace tidemill {
namespace {

double weight_of(LongText how, size_t part, int64_t n_tokens) {
  if (how == LongText::by_tokens) return static_cast<double>(n_tokens);
  if (how == LongText::by_position) return 1.0 / static_cast<double>(part + 1);
  return 1.0;
}

std::vector<float> greatest(std::span<const std::vector<float>> parts) {
  std::vector<float> result = parts[0];
  for (const std::vector<float>& part : parts.subspan(1))
    for (size_t i = 0; i < result.size(); ++i) result[i] = std::max(result[i], part[i]);
  return result;
}

}  // namespace

std::vector<float> joined_vector(LongText how, std::span<const std::vector<float>> parts,
                                 std::span<const int64_t> n_tokens) {
  if (how == LongText::max) return greatest(parts);
  std::vector<double> sums(parts[0].size());
  double total = 0;
  for (size_t part = 0; part < parts.size(); ++part) {
    const double weight = weight_of(how, part, n_tokens[part]);
    total += weight;
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += weight * double{parts[part][i]};
  }
  std::vector<float> result(sums.size());
  for (size_t i = 0; i < sums.size(); ++i) result[i] = static_cast<float>(sums[i] / total);
  return result;
}

}  // namespace tidemill
