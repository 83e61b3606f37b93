#include "compress/quantize/input_recorder.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <variant>

namespace tidemill {

void InputRecorder::watch(const Tensor& weight, std::string_view name, WeightRole role) {
  watched_[weight.data()] = {std::string(name), gives_scores(role)};
}

std::shared_ptr<const InputRecord> InputRecorder::find(std::string_view name) const {
  const auto found = found_.find(std::string(name));
  return found == found_.end() ? nullptr : found->second;
}

bool InputRecorder::is_head(const Tensor& weight) const {
  const auto found = watched_.find(weight.data());
  return found != watched_.end() && found->second.is_head;
}

void InputRecorder::run(const Operation& operation) {
  const bool is_done = std::visit(
      [this](const auto& one) {
        using Op = std::decay_t<decltype(one)>;
        if constexpr (std::is_same_v<Op, op::Matmul>) {
          if (one.xs.size() == 1) {
            record(one.xs[0], one.weights);
          } else {
            for (size_t j = 0; j < one.weights.size(); ++j) record(one.xs[j], one.weights.subspan(j, 1));
          }
          return one.weights.size() == 1 && is_head(one.weights[0]);
        } else if constexpr (std::is_same_v<Op, op::Project>) {
          record(one.x, one.weights);
        } else if constexpr (std::is_same_v<Op, op::Scores>) {
          return record(one.x, {&one.weight, 1});
        } else if constexpr (std::is_same_v<Op, op::ExpertMatmul>) {
          record(one.x, one.experts);
        }
        return false;
      },
      operation);
  if (!is_done) inner_.run(operation);
}

bool InputRecorder::record(const Tensor& x, std::span<const Tensor> weights) {
  std::shared_ptr<InputRecord> shared;
  for (const Tensor& weight : weights) {
    const auto watched = watched_.find(weight.data());
    if (watched == watched_.end()) continue;
    std::shared_ptr<InputRecord>& own = found_[watched->second.name];
    if (!own) own = shared ? shared : std::make_shared<InputRecord>(InputRecord{SquareMatrix(x.dim(1)), {}, 0});
    if (own != shared) add(x, *own);
    shared = own;
  }
  return shared != nullptr;
}

void InputRecorder::add(const Tensor& x, InputRecord& record) {
  const int64_t n_rows = x.dim(0), width = x.dim(1), stride = record.gram.stride;
  std::vector<float> padded;
  const float* rows = x.as<const float>();
  if (stride != width) {
    padded.resize(static_cast<size_t>(n_rows * stride));
    for (int64_t row = 0; row < n_rows; ++row) std::copy_n(x.row<float>(row), width, padded.data() + row * stride);
    rows = padded.data();
  }
  add_gram(pool_, rows, n_rows, record.gram);
  record.magnitudes.resize(static_cast<size_t>(width));
  for (int64_t row = 0; row < n_rows; ++row)
    for (int64_t i = 0; i < width; ++i)
      record.magnitudes[static_cast<size_t>(i)] += double{std::fabs(rows[row * stride + i])};
  record.n_rows += n_rows;
}

}  // namespace tidemill
