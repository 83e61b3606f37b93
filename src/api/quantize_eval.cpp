#include "api/quantize_eval.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "api/answer_distance.h"
#include "tidemill/engine.h"
#include "tidemill/error.h"
#include "tidemill/probability.h"

namespace tidemill {
namespace {

constexpr size_t kMostTokens = 8192;  // that are compared
constexpr size_t kWindow = 512;       // tokens that a model sees at most
constexpr size_t kStep = 16;          // whose scores are kept at once

class DecoderComparison {
 public:
  DecoderComparison(const Engine& original, const Engine& quantised, std::vector<int32_t> ids)
      : original_(original), quantised_(quantised), ids_(std::move(ids)) {}

  QuantizeLoss run(const std::function<void(double share)>& on_progress) {
    const size_t window = std::min(
        {kWindow, static_cast<size_t>(original_.context_length()), static_cast<size_t>(quantised_.context_length())});
    Session one(original_), other(quantised_);
    for (size_t begin = 0; begin + 1 < ids_.size(); begin += window) {
      const size_t end = std::min(ids_.size(), begin + window);
      one.truncate(0);
      other.truncate(0);
      for (size_t step = begin; step + 1 < end; step += kStep) compare(one, other, step, std::min(end, step + kStep));
      on_progress(static_cast<double>(end) / static_cast<double>(ids_.size()));
    }
    const auto n = static_cast<double>(n_);
    return {.divergence = divergence_ / n,
            .perplexity_before = std::exp(nll_before_ / n),
            .perplexity_after = std::exp(nll_after_ / n),
            .n_answers = n_};
  }

 private:
  void compare(Session& one, Session& other, size_t begin, size_t end) {
    const std::span<const int32_t> part(ids_.data() + begin, end - begin);
    std::vector<std::vector<float>> scores;
    one.score(part, [&](int64_t, std::span<const float> logits) { scores.emplace_back(logits.begin(), logits.end()); });
    size_t i = 0;
    other.score(part, [&](int64_t, std::span<const float> logits) { add(scores[i], logits, begin + 1 + i), ++i; });
  }

  void add(std::span<const float> before, std::span<const float> after, size_t target) {
    if (target >= ids_.size() || before.size() != after.size()) return;
    const double total_before = log_sum_exp(before), total_after = log_sum_exp(after);
    const auto next = static_cast<size_t>(ids_[target]);
    divergence_ += divergence(before, total_before, after, total_after);
    nll_before_ += total_before - before[next];
    nll_after_ += total_after - after[next];
    ++n_;
  }

  const Engine& original_;
  const Engine& quantised_;
  std::vector<int32_t> ids_;
  double divergence_ = 0, nll_before_ = 0, nll_after_ = 0;
  int64_t n_ = 0;
};

std::vector<float> state_of(const Engine& engine, std::span<const int32_t> ids) {
  std::vector<float> state;
  const EncoderInput input{.ids = ids};
  engine.encode({&input, 1}, [&](size_t, const Tensor& hidden) { state = mean_state(hidden); });
  return state;
}

QuantizeLoss compare_encoders(const Engine& original, const Engine& quantised, std::string_view text,
                              const std::function<void(double share)>& on_progress) {
  const size_t n_bytes = text.size();
  const auto most = static_cast<size_t>(original.context_length());
  QuantizeLoss loss;
  for (size_t n_tokens = 0; !text.empty() && n_tokens < 4 * kMostTokens;) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    std::vector<int32_t> ids = original.tokenizer().encode(line);
    if (line.find_first_not_of(" \t\r") == line.npos || ids.empty()) continue;
    ids.resize(std::min(ids.size(), most));
    n_tokens += ids.size();
    loss.divergence += one_less_cosine(state_of(original, ids), state_of(quantised, ids));
    ++loss.n_answers;
    on_progress(1 - static_cast<double>(text.size()) / static_cast<double>(n_bytes));
  }
  if (loss.n_answers == 0) throw Error(ErrorCode::invalid_argument, "--eval: the text has no line to compare");
  loss.divergence /= static_cast<double>(loss.n_answers);
  loss.is_cosine = true;
  return loss;
}

}  // namespace

QuantizeLoss compare_models(const std::string& original, const std::string& quantised, const std::string& text,
                            int threads, const std::function<void(double share)>& on_progress) {
  const EngineOptions options{.threads = threads, .precision = Precision::f32};
  const Engine one = Engine::load(original, options), other = Engine::load(quantised, options);
  if (one.is_encoder()) return compare_encoders(one, other, text, on_progress);
  std::vector<int32_t> ids = one.tokenizer().encode(text);
  ids.resize(std::min(ids.size(), kMostTokens));
  if (ids.size() < 2) throw Error(ErrorCode::invalid_argument, "--eval: the text is too short; two tokens are needed");
  return DecoderComparison(one, other, std::move(ids)).run(on_progress);
}

}  // namespace tidemill
