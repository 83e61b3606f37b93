// Trains a Unigram model: pieces with probabilities, so that words are as probable as can be (Kudo 2018,
// arXiv:1804.10959).
//
// Pieces, their order and scores are those of UnigramTrainer of Hugging Face's tokenizers 0.23.3 as far as that gives
// the same twice, oddities included; docs/tokenizer-training.md names them.
#pragma once

#include <string>
#include <vector>

#include "text/training/training_tools.h"
#include "text/training/word_counts.h"

namespace tidemill {

struct UnigramToken {
  std::string text;
  double score;  // the logarithm of its probability
};

struct UnigramTrainingOptions {
  size_t vocab_size = 8000;                      // special tokens included
  std::vector<std::string> special_tokens = {};  // get the first ids and the score 0; later equal ones are left out
  size_t n_seeds = 1'000'000;                    // pieces to begin with
};

// By id.  `words`: valid UTF-8.  Equal words give equal results in whatever order they were counted and however many
// threads `run` has.  Takes some 30 bytes for each letter of the distinct words, some 200 for each seed, and up to 700
// for each letter of the longest word.  Throws invalid_argument when the vocabulary cannot hold the special tokens and
// every character, out_of_memory past four billion letters of distinct words, and what `run` and `monitor` throw.
std::vector<UnigramToken> train_unigram(const WordCounts& words, const UnigramTrainingOptions& options,
                                        const RunParts& run, const TrainingMonitor& monitor = {});

}  // namespace tidemill
