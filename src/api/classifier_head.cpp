#include "api/classifier_head.h"

#include <nlohmann/json.hpp>

#include "tensor/dequantize.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using nlohmann::json;

constexpr int64_t kMostLabels = 1 << 16;
constexpr const char* kRobertaScores = "classifier.out_proj";
constexpr const char* kBertScores = "classifier";

// The layer whose tensors begin with `name`; its rows say how many numbers it gives.
Dense layer(const Weights& weights, const std::string& name, int64_t n_in, DenseActivation activation) {
  const auto found = weights.find(name + ".weight");
  const bool is_matrix = found && found->shape().rank() == 2 && found->dim(0) >= 1 && found->dim(0) <= kMostLabels;
  const int64_t n_out = is_matrix ? found->dim(0) : 1;
  return {.n_in = n_in,
          .n_out = n_out,
          .weight = to_floats(weights.require(name + ".weight", {n_out, n_in})),
          .bias = to_floats(weights.require(name + ".bias", {n_out})),
          .activation = activation};
}

// The name of the function that sentence-transformers puts behind the scores; empty: its own choice.
std::string score_function(const json& config) {
  const auto own = config.find("sentence_transformers");
  const bool is_new = own != config.end() && own->is_object() && own->contains("activation_fn");
  const json* name = is_new ? &(*own)["activation_fn"] : nullptr;
  if (const auto old = config.find("sbert_ce_default_activation_function"); name == nullptr && old != config.end())
    name = &*old;
  return name != nullptr && name->is_string() ? name->get<std::string>() : std::string();
}

}  // namespace

ClassifierHead read_classifier_head(const std::string& path, const ModelFile& file, int64_t d_model) {
  const ModelSource source = file.source();
  const Weights& weights = source.weights;
  const json config = source.config != nullptr ? *source.config : json();
  ClassifierHead head;
  if (weights.find(kRobertaScores + std::string(".weight"))) {
    head.layers.push_back(layer(weights, "classifier.dense", d_model, DenseActivation::tanh));
    head.layers.push_back(layer(weights, kRobertaScores, head.layers[0].n_out, DenseActivation::identity));
  } else if (weights.find(kBertScores + std::string(".weight"))) {
    head.layers.push_back(layer(weights, "bert.pooler.dense", d_model, DenseActivation::tanh));
    head.reads_types = true;
    head.layers.push_back(layer(weights, kBertScores, head.layers[0].n_out, DenseActivation::identity));
  } else {
    throw Error(ErrorCode::unsupported,
                path + ": has no head for sequence classification ('classifier.weight'); give a cross-encoder");
  }
  const std::string function = config.is_object() ? score_function(config) : std::string();
  if (!function.empty() && !function.ends_with(".Identity") && !function.ends_with(".Sigmoid"))
    throw Error(ErrorCode::unsupported, source.config_path + ": the scores' function '" + printable(function, 100) +
                                            "' is not known; Sigmoid and Identity are");
  head.has_unit_scores = !function.ends_with(".Identity");
  return head;
}

bool has_ranking_head(const Weights& weights) {
  for (const char* name : {kRobertaScores, kBertScores})
    if (const auto found = weights.find(name + std::string(".weight")))
      return found->shape().rank() == 2 && found->dim(0) == 1;
  return false;
}

}  // namespace tidemill
