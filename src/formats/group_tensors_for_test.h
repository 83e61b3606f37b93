// For tests only: random matrices in groups, and tensors in memory as a file would hold them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "formats/group_writer.h"
#include "formats/weights.h"
#include "tensor/half.h"

namespace tidemill {

class HeldWeights final : public Weights {
 public:
  explicit HeldWeights(std::vector<GroupTensor> tensors) : tensors_(std::move(tensors)) {}

  const std::string& path() const override { return path_; }
  std::vector<std::string> names() const override {
    std::vector<std::string> result;
    for (const GroupTensor& tensor : tensors_) result.push_back(tensor.name);
    return result;
  }
  std::optional<Tensor> find(std::string_view name) const override {
    for (const GroupTensor& tensor : tensors_)
      if (tensor.name == name) return Tensor(const_cast<std::byte*>(tensor.bytes.data()), tensor.dtype, tensor.shape);
    return {};
  }
  void release(const Tensor&) const override {}

 private:
  std::string path_ = "model.safetensors";
  std::vector<GroupTensor> tensors_;
};

struct RandomGroups {
  int64_t n_rows, n_cols;
  GroupKind kind;
  bool is_reordered = false;
  float scale_step = 0x1p-10f;  // scales are multiples of it
};

inline GroupQuantized random_groups(const RandomGroups& of, uint32_t seed = 1) {
  std::mt19937 random(seed);
  GroupQuantized matrix{.n_rows = of.n_rows,
                        .n_cols = of.n_cols,
                        .bits = of.kind.bits,
                        .group_size = of.kind.group_size == 0 ? of.n_cols : of.kind.group_size};
  const uint32_t n_codes = 1u << of.kind.bits;
  for (int64_t i = 0; i < of.n_rows * of.n_cols; ++i) matrix.q.push_back(static_cast<uint8_t>(random() % n_codes));
  for (int64_t i = 0; i < of.n_rows * matrix.n_groups(); ++i) {
    matrix.scales.push_back(static_cast<float>(random() % 255 + 1) * of.scale_step);
    matrix.zeros.push_back(static_cast<float>(of.kind.has_zeros ? random() % n_codes : n_codes / 2));
  }
  if (of.is_reordered) {
    for (int64_t k = 0; k < of.n_cols; ++k) matrix.g_idx.push_back(static_cast<int32_t>(k / matrix.group_size));
    for (size_t k = matrix.g_idx.size() - 1; k > 0; --k) std::swap(matrix.g_idx[k], matrix.g_idx[random() % (k + 1)]);
  }
  return matrix;
}

// What a matrix in groups stands for, [n_rows, n_cols].
inline std::vector<float> values_of(const GroupQuantized& matrix) {
  std::vector<float> values;
  for (int64_t n = 0; n < matrix.n_rows; ++n) {
    for (int64_t k = 0; k < matrix.n_cols; ++k) {
      const int64_t group = matrix.g_idx.empty() ? k / matrix.group_size : matrix.g_idx[static_cast<size_t>(k)];
      const auto at = static_cast<size_t>(n * matrix.n_groups() + group);
      const auto code = static_cast<float>(matrix.q[static_cast<size_t>(n * matrix.n_cols + k)]);
      values.push_back((code - matrix.zeros[at]) * matrix.scales[at]);
    }
  }
  return values;
}

}  // namespace tidemill
