#include "api/calibration.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "backends/registry.h"
#include "embed/dense.h"
#include "embed/pooling.h"
#include "models/registry.h"
#include "runtime/encoder_runner.h"
#include "runtime/runner.h"
#include "runtime/state_pool.h"
#include "tidemill/error.h"
#include "tidemill/probability.h"

namespace tidemill {
namespace {

int64_t piece_length(const Model& model) {
  return std::max<int64_t>(1, std::min(kCalibrationPiece, model.config().context_length));
}

void add_piece(CalibrationText& text, std::span<const int32_t> ids) {
  text.pieces.emplace_back(ids.begin(), ids.end());
  text.n_tokens += std::ssize(ids);
}

// The mean of the rows, of length one.
std::vector<float> mean_direction(const Tensor& hidden) {
  std::vector<float> mean(static_cast<size_t>(hidden.dim(1)));
  pool(Pooling::mean, hidden, 0, mean);
  normalize(mean);
  return mean;
}

// Pieces of equal length; each but the first begins in the middle of something, as contexts often do.
void cut(CalibrationText& result, std::span<const int32_t> ids, int64_t length) {
  const auto n = static_cast<size_t>(length);
  for (size_t begin = 0; begin < ids.size() && result.n_tokens < kMostCalibrationTokens; begin += n)
    add_piece(result, ids.subspan(begin, std::min(n, ids.size() - begin)));
}

// Texts that are embedded are short: a line is one.
void cut_lines(CalibrationText& result, const Tokenizer& tokenizer, std::string_view text, int64_t length) {
  while (!text.empty() && result.n_tokens < kMostCalibrationTokens) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    std::vector<int32_t> ids = tokenizer.encode(line);
    if (std::ssize(ids) > length) ids.resize(static_cast<size_t>(length));
    if (!ids.empty()) add_piece(result, ids);
  }
}

}  // namespace

CalibrationText calibration_text(const ModelFile& file, const Model& model, const std::string& text) {
  const auto tokenizer = file.load_tokenizer({});
  if (!tokenizer)
    throw Error(ErrorCode::not_found, file.weights().path() +
                                          ": has no tokenizer, without which no text can be read; put the model's "
                                          "tokenizer.json beside its weights, or use --method rtn");
  CalibrationText result;
  if (model.config().is_encoder) {
    cut_lines(result, *tokenizer, text, piece_length(model));
  } else {
    // More than is wanted need not be encoded: no token of a usual text is longer than 16 bytes on average.
    const size_t most_bytes = std::min(text.size(), static_cast<size_t>(16 * kMostCalibrationTokens));
    cut(result, tokenizer->encode(std::string_view(text).substr(0, most_bytes)), piece_length(model));
  }
  if (result.n_tokens < kLeastCalibrationTokens)
    throw Error(ErrorCode::invalid_argument, "--calibration: the text has " + std::to_string(result.n_tokens) +
                                                 " tokens; at least " + std::to_string(kLeastCalibrationTokens) +
                                                 " are needed, and " + std::to_string(kMostCalibrationTokens) +
                                                 " are read where there are as many");
  return result;
}

CalibrationModel::CalibrationModel(const ModelFile& file, ThreadPool& pool)
    : backend_(make_backend("cpu", pool, Precision::f32)), model_(make_model(file.source())) {
  if (file.makes_vectors()) model_->use_as_encoder();
  model_->visit_params([&](std::string_view, Tensor& weight, WeightRole role) {
    if (file.weights().is_packed() && role == WeightRole::vector) return;
    const Tensor stored = weight;
    weight = backend_->adopt(stored, role, [&](const Tensor& part) { file.weights().release(part); });
    if (weight.data() != stored.data()) model_->drop_made(stored);
  });
}

void CalibrationModel::read(const CalibrationText& text, Kernels& kernels,
                            const std::function<void(double share)>& on_progress) {
  if (model_->config().is_encoder) return read_as_encoder(text, kernels, on_progress);
  const StateSpec spec = model_->state_spec();
  StatePool states(spec, kCalibrationPiece, DType::f32, 1);
  Runner runner(*model_, kernels, spec, DType::f32, {.max_batch_tokens = kCalibrationPiece, .max_sequences = 1});
  for (size_t i = 0; i < text.pieces.size(); ++i) {
    const auto state = states.acquire();
    const Feed feed{.state = state.get(), .ids = text.pieces[i], .wanted = LogitsWanted::all};
    runner.feed({&feed, 1}, [](size_t, int64_t, std::span<const float>) {});
    on_progress(static_cast<double>(i + 1) / static_cast<double>(text.pieces.size()));
  }
}

CalibrationModel::Answers CalibrationModel::answers(std::span<const std::vector<int32_t>> pieces, Kernels& kernels) {
  Answers result;
  if (model_->config().is_encoder) {
    EncoderRunner runner(*model_, kernels, piece_length(*model_));
    std::vector<EncoderInput> inputs;
    for (const auto& piece : pieces) inputs.push_back({.ids = piece});
    runner.encode(inputs, [&](size_t, const Tensor& hidden) { result.push_back(mean_direction(hidden)); });
    return result;
  }
  const StateSpec spec = model_->state_spec();
  StatePool states(spec, kCalibrationPiece, DType::f32, 1);
  Runner runner(*model_, kernels, spec, DType::f32, {.max_batch_tokens = kAnswerStep, .max_sequences = 1});
  for (const auto& piece : pieces) {
    const auto state = states.acquire();
    for (size_t begin = 0; begin < piece.size(); begin += kAnswerStep) {
      const auto ids = std::span(piece).subspan(begin, std::min(kAnswerStep, piece.size() - begin));
      const Feed feed{.state = state.get(), .ids = ids, .wanted = LogitsWanted::last};
      runner.feed({&feed, 1}, [&](size_t, int64_t, std::span<const float> logits) {
        const auto total = static_cast<float>(log_sum_exp(logits));
        std::vector<float>& answer = result.emplace_back(logits.begin(), logits.end());
        for (float& score : answer) score -= total;
      });
    }
  }
  return result;
}

double CalibrationModel::distance(const Answers& truth, const Answers& others) const {
  double sum = 0;
  for (size_t i = 0; i < truth.size(); ++i) {
    double one = 0;
    for (size_t j = 0; j < truth[i].size(); ++j) {
      const double t = truth[i][j], o = others[i][j];
      one += model_->config().is_encoder ? t * o : std::exp(t) * (t - o);
    }
    sum += model_->config().is_encoder ? 1 - one : one;
  }
  return sum / static_cast<double>(std::max<size_t>(1, truth.size()));
}

void CalibrationModel::read_as_encoder(const CalibrationText& text, Kernels& kernels,
                                       const std::function<void(double share)>& on_progress) {
  EncoderRunner runner(*model_, kernels, piece_length(*model_));
  constexpr size_t kTexts = 16;  // between looks at progress
  for (size_t begin = 0; begin < text.pieces.size(); begin += kTexts) {
    const size_t end = std::min(text.pieces.size(), begin + kTexts);
    std::vector<EncoderInput> inputs;
    for (size_t i = begin; i < end; ++i) inputs.push_back({.ids = text.pieces[i]});
    runner.encode(inputs, [](size_t, const Tensor&) {});
    on_progress(static_cast<double>(end) / static_cast<double>(text.pieces.size()));
  }
}

}  // namespace tidemill
