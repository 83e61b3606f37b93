// Trains byte-pair encoding: merges the most frequent pair of neighbours, again and again (Sennrich et al. 2016,
// arXiv:1508.07909).
//
// Tokens, ids and merges are exactly those of BpeTrainer of Hugging Face's tokenizers 0.23.3, oddities included;
// docs/tokenizer-training.md names them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "text/training/training_tools.h"
#include "text/training/word_counts.h"

namespace tidemill {

// What words are made of: bytes, spelled in GPT-2's alphabet, or characters.
enum class SymbolKind : uint8_t { bytes, characters };

struct BpeTrainingOptions {
  SymbolKind symbols = SymbolKind::bytes;
  size_t vocab_size = 30000;  // special tokens and alphabet included; a larger alphabet is kept whole
  int64_t min_frequency = 0;  // of the pairs that are merged
  std::vector<std::string> special_tokens = {};  // get the first ids; later equal ones are left out
  std::u32string initial_alphabet = {};          // characters that are tokens whether they occur or not
  std::optional<size_t> limit_alphabet = {};     // the most frequent characters stay; others vanish from words
  std::string continuing_prefix = {};            // stands before every symbol but the first of a word: "##"
  std::optional<size_t> max_token_length = {};   // in symbols
};

struct TrainedBpe {
  std::vector<std::string> tokens;                    // by id
  std::vector<std::pair<uint32_t, uint32_t>> merges;  // first those that come first; each pair once
};

// `words`: valid UTF-8 when symbols are characters.  Equal words give equal results in whatever order they were
// counted.  Takes memory for some four numbers per symbol of the distinct words.  Throws what `monitor` throws.
TrainedBpe train_bpe(const WordCounts& words, const BpeTrainingOptions& options, const TrainingMonitor& monitor = {});

}  // namespace tidemill
