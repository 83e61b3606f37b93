#include "cli/delta_check.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/input.h"
#include "cli/progress.h"

namespace tidemill::cli {
namespace {

constexpr int64_t kWindow = 2048;  // tokens of a window: what a long context costs tells little more

}  // namespace

DeltaCheck::DeltaCheck(const std::string& base, const std::string& tuned, const std::string& text_file, int threads)
    : base_path_(base), text_(read_all(text_file)), text_file_(text_file), threads_(threads) {
  base_ = score(base, "");
  tuned_ = score(tuned, "");
}

void DeltaCheck::score_delta(const std::string& delta) {
  restored_ = score(base_path_, delta);
}

TextScore DeltaCheck::score(const std::string& model, const std::string& delta) const {
  EngineOptions options;
  options.threads = threads_;
  options.precision = Precision::f32;
  if (!delta.empty()) options.deltas = {delta};
  return score_text(Engine::load(model, options), text_, text_file_, kWindow);
}

nlohmann::ordered_json DeltaCheck::json() const {
  return {{"tokens", tuned_.n_tokens},
          {"perplexity_base", base_.perplexity()},
          {"perplexity_tuned", tuned_.perplexity()},
          {"perplexity_restored", restored_.perplexity()}};
}

void DeltaCheck::print() const {
  std::printf("  perplexity over %lld tokens: %.4f restored, %.4f of the fine-tune, %.4f of the base\n",
              static_cast<long long>(tuned_.n_tokens), restored_.perplexity(), tuned_.perplexity(), base_.perplexity());
}

}  // namespace tidemill::cli
