// What encoding with Unigram needs of a vocabulary, under the rules of text/unigram/unigram.h.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "text/pieces/byte_tokens.h"
#include "text/pieces/byte_trie.h"
#include "text/pieces/token_table.h"
#include "text/pieces/unknown_token.h"
#include "text/unigram/unigram.h"
#include "text/unigram/unigram_trie.h"

namespace tidemill {

// `Score`: how sums are kept: double as Hugging Face, float as sentencepiece.  Immutable.
template <typename Score>
struct UnigramTokens {
  static constexpr bool kSentencePiece = std::is_same_v<Score, float>;

  // Throws bad_file for what make_unigram refuses.
  UnigramTokens(const UnigramVocab& vocab, const std::string& source);

  int32_t find(std::string_view name) const {
    const int32_t id = others.find(name);
    return id >= 0 ? id : found.find(name);
  }
  // `sum` and the scores of `ids`, one after the other.
  Score sum_on(Score sum, std::span<const int32_t> ids) const {
    const Score* const all = scores.data();
    for (const int32_t id : ids) sum += all[id];
    return sum;
  }
  int32_t byte_id(char byte) const { return byte_ids[static_cast<uint8_t>(byte)]; }

  TokenStrings names;
  ByteTrie others;  // tokens that are not found in a text
  std::vector<Score> scores;
  Score unknown_score;
  double largest_score;   // of the absolute ones of `found`, and unknown_score; may be infinite
  UnigramTrie found;      // all other tokens
  bool unknown_is_worst;  // every token scores more than an unknown character
  UnknownToken unknown;
  bool byte_fallback;
  std::array<int32_t, 256> byte_ids = no_byte_ids();  // -1: no fallback for that byte
};

extern template struct UnigramTokens<float>;
extern template struct UnigramTokens<double>;

}  // namespace tidemill
