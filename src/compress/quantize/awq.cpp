#include "compress/quantize/awq.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "compress/quantize/feedback.h"
#include "compress/quantize/round_matrix.h"

namespace tidemill {
namespace {

constexpr int kSteps = 20;         // of the exponent
constexpr int kCoarseStride = 4;   // of those that are tried first; losses have one valley, where the others are tried
constexpr int kFeedbackSteps = 6;  // likewise; each takes a factorisation
constexpr double kLeastGain = 0.01;   // for which inputs are changed at all
constexpr double kLeastShare = 1e-4;  // of the greatest magnitude, which inputs
                                      // that are nearly nothing count as

using Weights = std::map<std::string, Tensor>;

class FoldFinder {
 public:
  explicit FoldFinder(Model& model) {
    model.visit_params(
        [&](std::string_view name, Tensor& weight, WeightRole) { weights_.emplace(std::string(name), weight); });
    for (int64_t layer = 0; layer < model.config().n_layers; ++layer) {
      prefix_ = "blk." + std::to_string(layer) + ".";
      find_in_layer();
    }
  }

  std::vector<ScaleFold> folds;

 private:
  bool has(const std::string& name) const { return weights_.contains(prefix_ + name + ".weight"); }
  std::string full(const std::string& name) const { return prefix_ + name + ".weight"; }

  void find_in_layer() {
    // Mixtures and recurrences give their norms' outputs to others as well.
    const bool has_experts = has("ffn_gate_inp");
    const bool is_attention = has("attn_q") && has("attn_k") && has("attn_v");
    const bool is_parallel = !has("ffn_norm");
    if (has("attn_norm") && is_attention && !(is_parallel && has_experts)) {
      std::vector<std::string> consumers = {"attn_q", "attn_k", "attn_v", "attn_gate"};
      if (is_parallel) consumers.insert(consumers.end(), {"ffn_gate", "ffn_up"});
      add_norm("attn_norm", consumers);
    }
    if (has("ffn_norm") && has("ffn_up") && !has_experts) add_norm("ffn_norm", {"ffn_gate", "ffn_up"});
    if (is_attention && !has("attn_gate")) add_producer("attn_v", "attn_output");
    if (has("ffn_gate")) add_producer("ffn_up", "ffn_down");
  }

  void add_norm(const std::string& norm, const std::vector<std::string>& consumers) {
    ScaleFold fold{.vectors = {full(norm)}, .producer = {}, .consumers = {}};
    if (weights_.contains(prefix_ + norm + ".bias")) fold.vectors.push_back(prefix_ + norm + ".bias");
    for (const std::string& name : consumers)
      if (has(name)) fold.consumers.push_back(full(name));
    folds.push_back(std::move(fold));
  }

  void add_producer(const std::string& producer, const std::string& consumer) {
    if (!has(producer) || !has(consumer)) return;
    if (weights_.at(full(producer)).dim(0) != weights_.at(full(consumer)).dim(1)) return;
    ScaleFold fold{.vectors = {}, .producer = full(producer), .consumers = {full(consumer)}};
    if (weights_.contains(prefix_ + producer + ".bias")) fold.vectors.push_back(prefix_ + producer + ".bias");
    folds.push_back(std::move(fold));
  }

  Weights weights_;
  std::string prefix_;
};

std::vector<float> factors_for(const std::vector<double>& magnitudes, double exponent) {
  std::vector<float> factors;
  const double greatest = *std::ranges::max_element(magnitudes);
  double least_factor = INFINITY, greatest_factor = 0;
  for (const double magnitude : magnitudes) {
    const double factor = std::pow(std::max(magnitude, kLeastShare * greatest), exponent);
    least_factor = std::min(least_factor, factor);
    greatest_factor = std::max(greatest_factor, factor);
    factors.push_back(static_cast<float>(factor));
  }
  const auto middle = static_cast<float>(std::sqrt(least_factor * greatest_factor));
  for (float& factor : factors) factor /= middle;
  return factors;
}

// What the outputs of a consumer lose with these factors, whose squares have divided `importance`, and the inputs that
// `feedback` knows; `gram` is of the inputs as they are.
double loss_of(ThreadPool& pool, const ScaleConsumer& consumer, const SquareMatrix& gram,
               std::span<const float> importance, const FeedbackFactors* feedback, const std::vector<float>& factors) {
  MatrixSource scaled = consumer.sample;
  scaled.importance = importance;
  scaled.read = [&](int64_t row, std::span<float> values) {
    consumer.sample.read(row, values);
    for (size_t i = 0; i < values.size(); ++i) values[i] *= factors[i];
  };
  CodedMatrix codes(consumer.format, scaled.n_rows, scaled.n_cols);
  if (feedback != nullptr) {
    quantize_with_feedback(pool, scaled, *feedback, {}, codes.coder());
  } else {
    round_matrix(pool, scaled, ScaleSearch::least_error, codes.coder());
  }
  return output_energy(pool, gram, scaled.n_rows, [&](int64_t row, std::span<float> values) {
    std::vector<float> own(values.size());
    consumer.sample.read(row, own);
    codes.read(row, values);
    for (size_t i = 0; i < own.size(); ++i) values[i] = own[i] - values[i] / factors[i];
  });
}

}  // namespace

std::vector<ScaleFold> scale_folds(Model& model) {
  return FoldFinder(model).folds;
}

std::vector<float> importance_of(const InputRecord& record) {
  std::vector<float> importance;
  for (int64_t i = 0; i < record.gram.n; ++i) importance.push_back(record.gram.row(i)[i]);
  return importance;
}

InputRecord divided(const InputRecord& record, const std::vector<float>& factors) {
  InputRecord result = record;
  std::vector<float> inverses;
  for (const float factor : factors) inverses.push_back(1 / factor);
  for (int64_t i = 0; i < result.gram.n; ++i) {
    const float own = inverses[static_cast<size_t>(i)];
    result.magnitudes[static_cast<size_t>(i)] *= double{own};
    float* const row = result.gram.row(i);
    for (int64_t j = 0; j < result.gram.n; ++j) row[j] *= own * inverses[static_cast<size_t>(j)];
  }
  return result;
}

std::vector<float> search_scales(ThreadPool& pool, const std::vector<ScaleConsumer>& consumers,
                                 const InputRecord& record, ScaleTrial trial) {
  std::vector<float> best(record.magnitudes.size(), 1.0f);
  if (*std::ranges::max_element(record.magnitudes) <= 0) return best;
  const bool has_feedback = trial == ScaleTrial::feedback;
  const int n_steps = has_feedback ? kFeedbackSteps : kSteps;
  SquareMatrix gram = record.gram;
  mirror(gram);
  double least = INFINITY, unscaled = INFINITY;
  const auto consider = [&](int step) {
    const std::vector<float> factors = factors_for(record.magnitudes, static_cast<double>(step) / n_steps);
    std::vector<float> importance = importance_of(record);
    for (size_t i = 0; i < factors.size(); ++i) importance[i] /= factors[i] * factors[i];
    std::optional<FeedbackFactors> feedback;
    if (has_feedback) {
      SquareMatrix scaled = divided(record, factors).gram;
      mirror(scaled);
      feedback.emplace(pool, std::move(scaled), damping_for(record.n_rows));
    }
    double loss = 0;
    for (const ScaleConsumer& consumer : consumers)
      loss += loss_of(pool, consumer, gram, importance, feedback ? &*feedback : nullptr, factors);
    if (loss >= least || (step > 0 && loss >= (1 - kLeastGain) * unscaled)) return false;
    least = loss;
    if (step == 0) unscaled = loss;
    best = factors;
    return true;
  };
  int found = 0, stride = has_feedback ? 1 : kCoarseStride;
  for (int step = 0; step < n_steps; step += stride)
    if (consider(step)) found = step;
  while (stride > 1) {
    stride /= 2;
    const int middle = found;
    for (const int step : {middle - stride, middle + stride})
      if (step > 0 && step < n_steps && consider(step)) found = step;
  }
  return best;
}

}  // namespace tidemill
