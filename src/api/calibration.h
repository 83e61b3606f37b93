// A model that reads a text so that somebody watches what enters its matrices.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "api/model_file.h"
#include "models/model.h"
#include "ops/backend.h"
#include "ops/ops.h"
#include "runtime/state_pool.h"
#include "sys/thread_pool.h"
#include "tensor/arena.h"

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

// A model of its own, in float32, beside the one that is quantised, of which the weights of one step (a layer) are in
// memory at a time.
class CalibrationModel {
 public:
  // Both outlive this object.
  CalibrationModel(const ModelFile& file, ThreadPool& pool);

  Model& model() { return *model_; }
  bool is_encoder() const { return is_encoder_; }  // what it gives are hidden states, not scores
  int64_t n_steps() const { return model_->n_steps(); }

  // Some pieces of a text on their way through the model.
  struct Pass {
    std::vector<std::vector<int32_t>> pieces;
    std::vector<float> hidden = {};  // [n_tokens, d_model], behind the step that was last taken
    int64_t n_tokens() const;
  };
  // Pieces of at most kPassTokens together, or one that is longer.
  static constexpr int64_t kPassTokens = 512;
  std::vector<Pass> passes_of(std::span<const std::vector<int32_t>> pieces) const;

  // Makes the weights of that step ready, those that `visit_params` of model() gives then, and gives others back.
  void enter(int64_t step);
  int64_t step() const { return step_; }
  Kernels& kernels() { return backend_->kernels(); }
  // Takes the step by `kernels`, which may be others around its own.  In the last one of a decoder scores are asked
  // for of every kAnswerStep-th token, and what follows them is given to `answer`, logarithms of probabilities; of an
  // encoder, for each piece, the mean of its hidden states.  An empty `answer` is not asked, but scores
  // are, for those who watch.
  static constexpr int64_t kAnswerStep = 16;
  using Answer = std::function<void(std::vector<float> answer)>;
  void advance(Pass& pass, Kernels& kernels, const Answer& answer = {});
  // How far an answer is from `truth`: the Kullback-Leibler divergence in nats, or 1 - cosine.
  double distance(std::span<const float> truth, std::span<const float> other) const;

 private:
  void give_back();
  void end(const Tensor& hidden, const Pass& pass, Kernels& kernels, const Answer& answer);
  void ask(const Tensor& rows, Ops& ops, const Answer& answer) const;

  const ModelFile& file_;
  ThreadPool& pool_;
  std::unique_ptr<Model> model_;
  bool is_encoder_;
  std::unique_ptr<Backend> backend_;      // of the step
  std::map<std::string, Tensor> stored_;  // weights of the step as the file has them, by name
  int64_t step_ = -1;
  std::unique_ptr<StatePool> states_;  // of models that keep a state
  Arena arena_;
};

}  // namespace tidemill
