// Reranker: how well documents answer a query, by a cross-encoder, which reads both together.
//
//   auto reranker = tidemill::Reranker::load("./ms-marco-MiniLM-L6-v2");
//   auto scores = reranker.scores("What turns the wheel?", documents);
//
// Nogueira and Cho 2019, arXiv:1901.04085; the values are those of sentence-transformers' CrossEncoder.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tidemill/engine.h"

namespace tidemill {

enum class ScoreScale : uint8_t {
  model,  // as the model's configuration says: from 0 to 1 by the sigmoid, or raw
  raw,    // the classifier's number
  unit,   // its sigmoid
};

// Cheap to copy: copies share the model.  All functions may be called from any thread; they take turns at the model.
class Reranker {
 public:
  // `model` is the folder of a BERT, RoBERTa or XLM-R with a head for sequence classification that has one label, or
  // its name in the model store.  Throws what Engine::load throws, bad_file naming a weight that is missing or does not
  // fit, and unsupported for other models.
  static Reranker load(const std::string& model, const EngineOptions& options = {});

  const Engine& engine() const;
  int64_t max_tokens() const;  // of a query and a document together; the longer one is cut

  // A score for each document, in their order, whatever others stand beside it.  `n_tokens`, when given, receives how
  // many tokens were read.
  std::vector<float> scores(std::string_view query, std::span<const std::string_view> documents,
                            ScoreScale scale = ScoreScale::model, int64_t* n_tokens = nullptr) const;

 private:
  struct Impl;
  explicit Reranker(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

// Places of scores, the greatest first, equal ones in their order.
std::vector<size_t> ranking(std::span<const float> scores);

}  // namespace tidemill
