// What a delta costs: how well base, fine-tune and what the delta restores predict a text.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/text_score.h"

namespace tidemill::cli {

// A text and what models make of it.  Models are read in f32, so that small differences are theirs and not rounding's.
class DeltaCheck {
 public:
  // Scores the base and the fine-tune first, so that a model that cannot be read shows before the work.  Throws what
  // Engine::load and score_text throw.
  DeltaCheck(const std::string& base, const std::string& tuned, const std::string& text_file, int threads);

  // What `delta` makes of the base; to be called before those below.
  void score_delta(const std::string& delta);
  nlohmann::ordered_json json() const;
  // A line for people.
  void print() const;

 private:
  TextScore score(const std::string& model, const std::string& delta) const;

  std::string base_path_, text_, text_file_;
  int threads_;
  TextScore base_, tuned_, restored_;
};

}  // namespace tidemill::cli
