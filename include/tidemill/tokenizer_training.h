// Trains tokenizers from text files; the result is a tokenizer.json that Hugging Face's tokenizers read unchanged.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidemill {

enum class TrainingKind : uint8_t {
  bpe,        // byte-level byte-pair encoding, as GPT-2
  wordpiece,  // BERT's: "##" before what continues a word
  spm_bpe,    // byte-pair encoding of characters as SentencePiece has it: U+2581 for spaces, bytes for unknown ones
  unigram,    // SentencePiece's other model: pieces with probabilities, U+2581 for spaces
};

// "bpe", "wordpiece", "spm-bpe", "unigram".  Throws invalid_argument for another name.
TrainingKind training_kind(std::string_view name);

struct TrainingProgress {
  std::string_view phase;  // "reading", then "merging" or, for unigram, "pruning"
  double share;            // of the phase, in [0, 1]
};

struct TokenizerTrainingOptions {
  TrainingKind kind = TrainingKind::bpe;
  // Special tokens included.  The alphabet is kept even where it is larger, but unigram then refuses to train.
  int64_t vocab_size = 30000;
  int64_t min_frequency = 0;  // not unigram: a pair that occurs less often is not merged
  // Get the first ids.  All kinds but bpe add their unknown token in front when it is missing.
  std::vector<std::string> special_tokens = {};
  std::string pattern = "gpt2";  // bpe only: how text is cut into words, a name or a regular expression
  std::optional<int64_t> limit_alphabet =
      {};  // wordpiece and spm_bpe: how many characters to keep, the most frequent ones
  std::optional<int64_t> max_token_length = {};  // bpe and spm_bpe: tokens stay shorter (in bytes or characters)
  bool lowercase = true;                         // wordpiece only: as BERT's uncased models, accents are dropped, too
  int n_threads = 1;
  // Called on the caller's thread; false ends the work with Error(cancelled).
  std::function<bool(const TrainingProgress&)> on_progress = {};
};

struct TrainingReport {
  int64_t n_bytes = 0;           // read
  int64_t n_words = 0;           // in the text
  int64_t n_distinct_words = 0;  // of those
  int64_t n_tokens = 0;          // in the vocabulary
  int64_t n_merges = 0;          // unigram: none
  double read_seconds = 0;
  double train_seconds = 0;
};

// Reads `files` ("-": standard input) line by line, trains, and writes `out`, which is replaced only once the new file
// is whole.  The result depends on the texts and the options, not on the number of threads.  Memory grows with the
// distinct words, not with the files.  What is not UTF-8 counts as U+FFFD.
// Throws invalid_argument (options out of range or of another kind, no file, more characters than a unigram vocabulary
// holds), not_found, io, bad_file (a malformed pattern, a line of 256 MiB without a space), unsupported (a pattern that
// cannot be run), cancelled.
TrainingReport train_tokenizer(std::span<const std::string> files, const std::string& out,
                               const TokenizerTrainingOptions& options);

}  // namespace tidemill
