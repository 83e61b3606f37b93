// A model that reads a text so that somebody watches what enters its matrices.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "api/model_file.h"
#include "models/model.h"
#include "ops/backend.h"
#include "sys/thread_pool.h"

namespace tidemill {

// A text as a model reads it: pieces that begin afresh.
struct CalibrationText {
  std::vector<std::vector<int32_t>> pieces;
  int64_t n_tokens = 0;
};

// Pieces of kCalibrationPiece tokens, for an encoder one of each line, up to kMostCalibrationTokens in all.  Throws
// not_found for a model without tokenizer, invalid_argument, saying how much is needed, for a text that is too short.
inline constexpr int64_t kCalibrationPiece = 256;
inline constexpr int64_t kLeastCalibrationTokens = 512;
inline constexpr int64_t kMostCalibrationTokens = 16384;
CalibrationText calibration_text(const ModelFile& file, const Model& model, const std::string& text);

// A model of its own, in float32, beside the one that is quantised.
class CalibrationModel {
 public:
  // Both outlive this object.
  CalibrationModel(const ModelFile& file, ThreadPool& pool);

  Model& model() { return *model_; }
  Kernels& kernels() { return backend_->kernels(); }
  // Reads all pieces by `kernels`, which may be others around its own.  Scores are not asked for by anybody, but
  // computed unless the kernels leave them out.  `on_progress` gets the share of pieces; what it throws ends it.
  void read(const CalibrationText& text, Kernels& kernels, const std::function<void(double share)>& on_progress);
  // What it says of each piece: logarithms of the probabilities of what follows every kAnswerStep tokens; of an encoder
  // the mean of the hidden states, of length one.
  static constexpr size_t kAnswerStep = 16;
  using Answers = std::vector<std::vector<float>>;
  Answers answers(std::span<const std::vector<int32_t>> pieces, Kernels& kernels);
  // How far `others` are from `truth`: the mean Kullback-Leibler divergence in nats, or of 1 - cosine.
  double distance(const Answers& truth, const Answers& others) const;

 private:
  void read_as_encoder(const CalibrationText& text, Kernels& kernels,
                       const std::function<void(double share)>& on_progress);

  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Model> model_;
};

}  // namespace tidemill
