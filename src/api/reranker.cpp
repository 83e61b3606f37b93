#include "tidemill/reranker.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "api/classifier_head.h"
#include "api/engine_impl.h"
#include "api/model_file.h"
#include "api/sentence_files.h"

namespace tidemill {

struct Reranker::Impl {
  Engine engine;
  ClassifierHead head;
  int64_t max_tokens;

  float score_of(const Tensor& hidden, ScoreScale scale) const;
};

// hidden: those of a pair's tokens; the first one stands for the pair.
float Reranker::Impl::score_of(const Tensor& hidden, ScoreScale scale) const {
  std::vector<float> vector(hidden.row<float>(0), hidden.row<float>(0) + hidden.dim(1));
  for (const Dense& layer : head.layers) vector = layer.apply(vector);
  const bool is_unit = scale == ScoreScale::unit || (scale == ScoreScale::model && head.has_unit_scores);
  return is_unit ? 1.0f / (1.0f + std::exp(-vector[0])) : vector[0];
}

Reranker Reranker::load(const std::string& model, const EngineOptions& options) {
  Engine engine = Engine::load(model, options);
  std::error_code ignored;
  if (!engine.is_encoder() || !std::filesystem::is_directory(engine.path(), ignored))
    throw Error(ErrorCode::unsupported, engine.path() + ": is no folder of an encoder; give a cross-encoder's folder");
  engine.tokenizer();  // throws for a model without one
  const auto file = engine.impl()->open_files();
  ClassifierHead head = read_classifier_head(engine.path(), *file, engine.impl()->model->config().d_model);
  if (head.n_labels() != 1)
    throw Error(ErrorCode::unsupported,
                engine.path() + ": gives " + std::to_string(head.n_labels()) + " labels; a reranker gives one score");
  const auto companions = file->companions();
  const int64_t of_files = companions ? max_tokens_of(*companions) : 0;
  const int64_t max_tokens = of_files > 0 ? std::min(of_files, engine.context_length()) : engine.context_length();
  return Reranker(std::make_shared<Impl>(Impl{std::move(engine), std::move(head), max_tokens}));
}

const Engine& Reranker::engine() const {
  return impl_->engine;
}
int64_t Reranker::max_tokens() const {
  return impl_->max_tokens;
}

std::vector<float> Reranker::scores(std::string_view query, std::span<const std::string_view> documents,
                                    ScoreScale scale, int64_t* n_tokens) const {
  const EncodeOptions options{.truncation = Truncation{.max_length = static_cast<size_t>(impl_->max_tokens)}};
  std::vector<Encoding> pairs;
  std::vector<EncoderInput> inputs;
  for (const std::string_view document : documents)
    pairs.push_back(impl_->engine.tokenizer().encode_pair(query, document, options));
  int64_t total = 0;
  for (const Encoding& pair : pairs) {
    inputs.push_back({.ids = pair.ids});
    if (impl_->head.reads_types) inputs.back().types = pair.type_ids;
    total += std::ssize(pair.ids);
  }
  if (n_tokens != nullptr) *n_tokens = total;
  std::vector<float> scores(documents.size());
  impl_->engine.encode(inputs,
                       [&](size_t index, const Tensor& hidden) { scores[index] = impl_->score_of(hidden, scale); });
  return scores;
}

std::vector<size_t> ranking(std::span<const float> scores) {
  std::vector<size_t> places(scores.size());
  std::iota(places.begin(), places.end(), 0);
  std::ranges::stable_sort(places, [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  return places;
}

}  // namespace tidemill
