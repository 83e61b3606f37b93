// How well a model predicts a text.
#pragma once

#include <cstdint>
#include <string>

#include "tidemill/engine.h"

namespace tidemill::cli {

struct TextScore {
  int64_t n_tokens = 0;  // that were predicted
  double nll = 0;        // mean negative logarithm of their probabilities, in nats

  double perplexity() const;
};

// Scores `text`, cut into windows of as many tokens as the engine's context holds and at most `max_window`, each
// starting afresh; `called` is its name in messages.  Shows a progress bar.  Throws bad_file for a text of less than
// two tokens, invalid_argument for a context of 1, cancelled at Ctrl-C.
TextScore score_text(const Engine& engine, const std::string& text, const std::string& called,
                     int64_t max_window = INT64_MAX);

}  // namespace tidemill::cli
