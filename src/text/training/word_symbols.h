// The words of a training text as sequences of token ids, and the vocabulary that training begins with.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "text/training/bpe_trainer.h"

namespace tidemill {

// Tokens by id and by name.
class TokenNames {
 public:
  // The id of `name`, a new one when there is none yet.
  uint32_t add(const std::string& name);
  bool has(const std::string& name) const { return ids_.contains(name); }
  size_t size() const { return names_.size(); }
  const std::string& operator[](uint32_t id) const { return names_[id]; }
  std::vector<std::string> take() { return std::move(names_); }

 private:
  std::vector<std::string> names_;
  std::unordered_map<std::string, uint32_t> ids_;
};

struct WordSymbols {
  struct Word {
    uint64_t begin;  // of its symbols in `symbols`
    int64_t count;
    uint32_t size;
  };
  TokenNames tokens;              // special tokens, the alphabet, the alphabet with the continuing prefix
  std::vector<uint32_t> symbols;  // of all words, one word after another
  std::vector<Word> words;        // those of two symbols and more: others have no pair to merge
};

WordSymbols make_word_symbols(const WordCounts& words, const BpeTrainingOptions& options);

}  // namespace tidemill
