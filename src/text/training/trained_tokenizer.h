// A trained model with the stages around it, as a tokenizer.json file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/training/bpe_trainer.h"
#include "text/training/unigram_trainer.h"

namespace tidemill {

// What stands in the file besides the model, each as JSON text ("null" for none).
struct TokenizerStages {
  std::string_view normalizer = "null";
  std::string pre_tokenizer = "null";
  std::string_view post_processor = "null";
  std::string_view decoder = "null";
};

// The fields of a BPE model that training does not find.
struct BpeModelFields {
  std::string unk_token = {};  // empty: none
  bool fuse_unk = false;
  bool byte_fallback = false;
};

// The content of a tokenizer.json file, as Hugging Face's tokenizers 0.23.3 writes it.  `special_tokens` are tokens of
// the model; they become added tokens that are special.
std::string bpe_tokenizer_json(const TrainedBpe& model, const BpeModelFields& fields, const TokenizerStages& stages,
                               const std::vector<std::string>& special_tokens);
// `tokens`: by id.
std::string wordpiece_tokenizer_json(const std::vector<std::string>& tokens, const std::string& unk_token,
                                     const std::string& continuing_prefix, const TokenizerStages& stages,
                                     const std::vector<std::string>& special_tokens);
// `tokens`: by id; `unk_token` is one of them.
std::string unigram_tokenizer_json(const std::vector<UnigramToken>& tokens, const std::string& unk_token,
                                   const TokenizerStages& stages, const std::vector<std::string>& special_tokens);

}  // namespace tidemill
