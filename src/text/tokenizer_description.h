// What a tokenizer file says, before anything is built from it.
//
// Every reader makes one of these, tokenizer.json's writer prints it, and build_tokenizer turns it into a pipeline. The
// stages stay as tokenizer.json spells them, for that is the widest language there is; vocabularies are plain lists.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/added_tokens.h"
#include "tidemill/tokenizer.h"

namespace tidemill {

struct ModelDescription {
  enum class Kind : uint8_t { bpe, unigram, wordpiece, word_level };

  Kind kind = Kind::bpe;
  std::vector<std::string_view> names;                                // by id; empty: no such token
  size_t n_tokens = 0;                                                // names that are not empty
  std::vector<std::pair<std::string_view, std::string_view>> merges;  // BPE, first to last
  std::vector<double> scores;                                         // Unigram, by id
  std::string unknown_token;                                          // empty: none
  int32_t unknown_id = -1;                                            // Unigram
  std::string continuing_prefix;                                      // BPE and WordPiece
  std::string end_suffix;                                             // BPE
  bool fuse_unknown = false;                                          // BPE
  bool byte_fallback = false;                                         // BPE and Unigram
  bool ignore_merges = false;                                         // BPE
  bool ranks_are_ids = false;                                         // BPE of tiktoken: no merges, ids are ranks
  size_t max_chars_per_word = 100;                                    // WordPiece
};

struct TokenizerDescription {
  std::string source;  // the file, for messages
  ModelDescription model;
  std::vector<AddedToken> added_tokens;                               // with ids, in the file's order
  nlohmann::json normalizer, pre_tokenizer, post_processor, decoder;  // as in tokenizer.json; null: none
  std::optional<Truncation> truncation;
  std::optional<Padding> padding;
  std::string pad_token = "[PAD]";
  SpecialText standard_special_text = SpecialText::parse;
  bool clean_up_spaces = false;
  std::vector<int32_t> stop_ids;
  int32_t bos = -1;
  // Keeps alive what the views of `model` refer to.
  std::shared_ptr<const void> storage;
};

// Gives added tokens their ids as Hugging Face does: that of the same name in the vocabulary, or the next free one.
void number_added_tokens(TokenizerDescription& description);

// The id of `name` among added tokens and the vocabulary; -1 when there is none.  Looks through all of them.
int32_t find_token(const TokenizerDescription& description, std::string_view name);

// A post-processor that puts the tokens `before` and `after`, ids of `model`, around each text; -1: none.
nlohmann::json template_around(const ModelDescription& model, int32_t before, int32_t after);

// Throws bad_file or unsupported, naming file and field, for what the stages cannot be made from.
std::shared_ptr<const Tokenizer> build_tokenizer(TokenizerDescription description, const TokenizerOptions& options);

}  // namespace tidemill
