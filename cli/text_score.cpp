#include "cli/text_score.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "cli/interrupt.h"
#include "cli/progress.h"
#include "tidemill/error.h"
#include "tidemill/probability.h"

namespace tidemill::cli {

double TextScore::perplexity() const {
  return std::exp(nll);
}

TextScore score_text(const Engine& engine, const std::string& text, const std::string& called, int64_t max_window) {
  const std::vector<int32_t> ids = engine.tokenizer().encode(text);
  if (ids.size() < 2) throw Error(ErrorCode::bad_file, called + ": is too short; perplexity needs two tokens or more");
  const auto window = static_cast<size_t>(std::min(engine.context_length(), max_window));
  if (window < 2) throw Error(ErrorCode::invalid_argument, "--ctx: a window of 1 predicts nothing; use 2 or more");

  Session session(engine);
  Progress progress("scoring");
  TextScore score;
  double nll = 0;
  constexpr size_t kPiece = 256;  // tokens between looks at Ctrl-C
  for (size_t begin = 0; begin + 1 < ids.size(); begin += window) {
    const size_t end = std::min(ids.size(), begin + window);
    session.truncate(0);
    for (size_t piece = begin; piece < end; piece += kPiece) {
      if (interrupted()) throw Error(ErrorCode::cancelled, called + ": interrupted");
      const std::span<const int32_t> part(ids.data() + piece, std::min(kPiece, end - piece));
      session.score(part, [&](int64_t position, std::span<const float> logits) {
        const size_t target = begin + static_cast<size_t>(position) + 1;
        if (target >= end) return;
        nll += log_sum_exp(logits) - logits[static_cast<size_t>(ids[target])];
        ++score.n_tokens;
      });
      progress.update(static_cast<double>(piece + part.size()) / static_cast<double>(ids.size()));
    }
  }
  score.nll = nll / static_cast<double>(score.n_tokens);
  return score;
}

}  // namespace tidemill::cli
