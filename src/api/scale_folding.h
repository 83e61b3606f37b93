// Factors of inputs on their way from those who give the inputs to those who read them (compress/quantize/awq.h).
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "compress/quantize/awq.h"
#include "models/model.h"
#include "tensor/storage.h"

namespace tidemill {

class ScaleFolding {
 public:
  // `model` is the one that is quantised; it outlives its use here, and this outlives the model.
  explicit ScaleFolding(Model& model) : model_(model) {}

  // From now on the columns of the fold's consumers are `factors` times as large and what gives them as much smaller.
  void add(const ScaleFold& fold, const std::vector<float>& factors);
  // Makes what is read of row `row` of a matrix what it is with all factors.
  void apply(const std::string& name, int64_t row, std::span<float> values) const;
  // Of a matrix's inputs; empty where they are as they were.
  std::span<const float> factors_of(const std::string& name) const;

  // All that was added, and the same again.
  nlohmann::ordered_json as_json() const;
  void add_json(const nlohmann::ordered_json& folds);

 private:
  void divide(const std::string& name, const std::vector<float>& factors);

  struct Added {
    ScaleFold fold;
    std::vector<float> factors;
  };

  Model& model_;
  std::vector<Added> added_;
  std::map<std::string, std::vector<float>> columns_, rows_;  // of matrices, by name
  std::vector<Storage> memory_;                               // of vectors that changed
};

}  // namespace tidemill
