#include "api/scale_folding.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include "api/plain_rows.h"

namespace tidemill {

void ScaleFolding::add(const ScaleFold& fold, const std::vector<float>& factors) {
  added_.push_back({fold, factors});
  for (const std::string& name : fold.consumers) columns_[name] = factors;
  std::vector<float> inverses;
  for (const float factor : factors) inverses.push_back(1 / factor);
  if (!fold.producer.empty()) rows_[fold.producer] = inverses;
  for (const std::string& name : fold.vectors) divide(name, factors);
}

void ScaleFolding::divide(const std::string& name, const std::vector<float>& factors) {
  model_.visit_params([&](std::string_view of, Tensor& vector, WeightRole) {
    if (of != name) return;
    memory_.emplace_back(static_cast<int64_t>(factors.size() * sizeof(float)));
    const Tensor divided(memory_.back().data(), DType::f32, vector.shape());
    read_row(vector, 0, {divided.as<float>(), factors.size()});
    for (size_t i = 0; i < factors.size(); ++i) divided.as<float>()[i] /= factors[i];
    vector = divided;
  });
}

void ScaleFolding::apply(const std::string& name, int64_t row, std::span<float> values) const {
  if (const auto found = columns_.find(name); found != columns_.end())
    for (size_t i = 0; i < values.size(); ++i) values[i] *= found->second[i];
  if (const auto found = rows_.find(name); found != rows_.end())
    for (float& value : values) value *= found->second[static_cast<size_t>(row)];
}

std::span<const float> ScaleFolding::factors_of(const std::string& name) const {
  const auto found = columns_.find(name);
  return found == columns_.end() ? std::span<const float>() : std::span<const float>(found->second);
}

nlohmann::ordered_json ScaleFolding::as_json() const {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const auto& [fold, factors] : added_)
    all.push_back(
        {{"vectors", fold.vectors}, {"producer", fold.producer}, {"consumers", fold.consumers}, {"factors", factors}});
  return all;
}

void ScaleFolding::add_json(const nlohmann::ordered_json& folds) {
  for (const auto& one : folds)
    add({.vectors = one.at("vectors").get<std::vector<std::string>>(),
         .producer = one.at("producer").get<std::string>(),
         .consumers = one.at("consumers").get<std::vector<std::string>>()},
        one.at("factors").get<std::vector<float>>());
}

}  // namespace tidemill
