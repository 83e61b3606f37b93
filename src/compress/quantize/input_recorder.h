// Kernels that watch what enters each matrix while the kernels inside them run a model: for every input the mean
// magnitude (AWQ), and the sums of products of inputs (GPTQ).
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compress/quantize/dense.h"
#include "ops/backend.h"
#include "ops/kernels.h"

namespace tidemill {

// What was seen of the inputs of matrices that share them.
struct InputRecord {
  SquareMatrix gram;               // sum of x^T x; the upper triangle
  std::vector<double> magnitudes;  // sum of |x|
  int64_t n_rows = 0;              // tokens
};

class InputRecorder final : public Kernels {
 public:
  // Both outlive this object; nobody else uses `pool` while an operation runs.
  InputRecorder(Kernels& inner, ThreadPool& pool) : inner_(inner), pool_(pool) {}

  // Watches the inputs of `weight`, as the model has it, under that name.  Scores of a vocabulary are not computed:
  // what they would be is nowhere defined.
  void watch(const Tensor& weight, std::string_view name, WeightRole role);

  void run(const Operation& operation) override;

  // What has entered the matrix of that name; experts of a layer share what they all have seen.  Null when it has not
  // been used.
  std::shared_ptr<const InputRecord> find(std::string_view name) const;

 private:
  struct Watched {
    std::string name;
    bool is_head = false;
  };
  // Whether any of `weights` is watched.
  bool record(const Tensor& x, std::span<const Tensor> weights);
  bool is_head(const Tensor& weight) const;
  void add(const Tensor& x, InputRecord& record);

  Kernels& inner_;
  ThreadPool& pool_;
  std::unordered_map<const void*, Watched> watched_;                     // by the weight's data
  std::unordered_map<std::string, std::shared_ptr<InputRecord>> found_;  // by name
};

}  // namespace tidemill
