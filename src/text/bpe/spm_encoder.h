// The encoding half of the SentencePiece BPE tokenizer: text to pieces.  The rules are those of text/bpe/spm_bpe.h.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/bpe/bpe_merger.h"
#include "text/bpe/spm_bpe.h"
#include "text/pieces/token_table.h"
#include "text/special_tokens.h"

namespace tidemill {

inline constexpr std::string_view kSpaceSymbol = "\u2581";

std::string escape_spaces(std::string_view text);    // ' ' becomes U+2581
std::string unescape_spaces(std::string_view text);  // U+2581 becomes ' '

class SpmEncoder {
 public:
  // Of a checked vocabulary; `index` is that of its tokens and must outlive the encoder.  byte_ids: the byte tokens, -1
  // where the vocabulary lacks one.
  SpmEncoder(const SpmVocab& vocab, const TokenIndex& index, const std::array<int32_t, 256>& byte_ids);

  // Appends the ids of `text`, and one span per id when `spans` is given.  Time is linear in the text but for the
  // sorting of candidates within a word: what lies between spaces, where the vocabulary allows to cut before them.
  void encode(std::string_view text, bool parse_special_tokens, std::vector<int32_t>& ids,
              std::vector<TokenSpan>* spans) const;

 private:
  class Pass;

  void find_special(const SpmVocab& vocab);
  void add_user_defined(std::string_view token, int32_t id, std::vector<SpecialTokens::Entry>& entries);
  void find_joined_spaces(const SpmVocab& vocab);

  std::array<int32_t, 256> byte_ids_;
  int32_t unknown_;
  bool add_space_prefix_;
  BpeMerger merger_;
  SpecialTokens user_defined_;         // found always
  SpecialTokens all_special_;          // found with parse_special_tokens
  std::vector<bool> is_control_;       // per token: a new stretch of text begins after it
  std::bitset<256> joins_space_;       // bytes that some token has before U+2581: no cut between them and a space
  std::vector<int32_t> space_runs_;    // the user-defined token of a run of that many spaces; -1: none
  std::vector<uint32_t> longest_run_;  // the greatest length with such a token, up to the index; 0: none
};

}  // namespace tidemill
