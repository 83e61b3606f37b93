// What a model's folder says about the layers that make classes of the first hidden state of a text: the heads of
// transformers' models for sequence classification.
#pragma once

#include <string>
#include <vector>

#include "api/model_file.h"
#include "embed/dense.h"
#include "formats/weights.h"

namespace tidemill {

struct ClassifierHead {
  std::vector<Dense> layers;     // the last gives a number for each label
  bool reads_types = false;      // the model tells the texts of a pair apart by types
  bool has_unit_scores = false;  // scores are sigmoids, as sentence-transformers takes them unless told otherwise

  int64_t n_labels() const { return layers.back().n_out; }
};

// BERT's pooler and classifier, or RoBERTa's classifier of two layers.  Throws bad_file naming what is missing or does
// not fit, and unsupported for a model without a head or without a folder's configuration; `path` is for messages.
ClassifierHead read_classifier_head(const std::string& path, const ModelFile& file, int64_t d_model);

// Whether the weights of a folder have a head that gives one score.
bool has_ranking_head(const Weights& weights);

}  // namespace tidemill
