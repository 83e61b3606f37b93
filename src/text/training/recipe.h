// The kinds of tokenizers that can be trained: how each cuts text into words, trains, and is written.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "text/training/count_words.h"
#include "text/training/training_tools.h"
#include "text/training/word_counts.h"
#include "tidemill/tokenizer_training.h"

namespace tidemill {

struct TrainedFile {
  std::string content;  // of tokenizer.json
  size_t n_tokens = 0;
  size_t n_merges = 0;
};

class TrainingRecipe {
 public:
  virtual ~TrainingRecipe() = default;
  // Lives as long as this.
  virtual WordRules rules() const = 0;
  // What training does, for those who watch: "merging".
  virtual std::string_view phase() const = 0;
  virtual TrainedFile train(const WordCounts& words, const RunParts& run, const TrainingMonitor& monitor) const = 0;
};

// Throws invalid_argument for options out of range or special tokens that are empty or not UTF-8, bad_file or
// unsupported for a pattern that is malformed or cannot be run.  Threads and progress are the caller's.
std::unique_ptr<TrainingRecipe> make_training_recipe(const TokenizerTrainingOptions& options);

}  // namespace tidemill
