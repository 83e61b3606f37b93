// The SentencePiece BPE tokenizer with byte fallback: Gemma, Llama 2, Mistral; "llama" in GGUF files.
//
// Encoding, in this order (Kudo and Richardson 2018, arXiv:1808.06226, and the published tokenizer.json files):
//   1. Special tokens split the text where it spells them, leftmost and longest first: user-defined ones always,
//      control tokens, the unknown token and reserved ones unless `SpecialText::as_text` says so.
//   2. With `add_space_prefix` a space precedes each stretch of text: at the start and after every control token.
//   3. Invalid UTF-8 becomes U+FFFD, spaces become U+2581, runs of spaces become user-defined tokens of such runs.
//   4. Characters are merged by score (text/bpe/bpe_merger.h); a character that is no token becomes its bytes, or the
//      unknown token when the vocabulary lacks byte tokens (neighbours share one).
// Decoding: U+2581 is a space again; a run of byte tokens is text when the whole run is UTF-8, else each byte is U+FFFD
// (Hugging Face's ByteFallback); with `add_space_prefix` one leading space is dropped.
//
// Where the references differ, this follows the tokenizer.json that Gemma's and Llama 2's authors publish:
//   - SentencePiece never finds control tokens in text, Hugging Face and llama.cpp do: `SpecialText` chooses.
//   - Gemma has user-defined tokens for runs of 2 to 31 spaces.  SentencePiece finds them after spaces have become
//     U+2581, so that a literal U+2581 lengthens a run; Hugging Face splits literal U+2581 runs off first.  We do, too.
//   - SentencePiece puts the space prefix once, at the start; Hugging Face and llama.cpp also after control tokens.
//   - Malformed runs of byte tokens: SentencePiece replaces byte by byte, Hugging Face the whole run.
//   - The unknown token decodes to its name, as a special token, not to SentencePiece's " \u2047 ".
//   - Invalid UTF-8 in a text: SentencePiece replaces every byte, we (and Python's errors="replace", which is what
//     Hugging Face's callers use) every maximal part.
// Merges that tie (one token made of two different pairs): Hugging Face ranks pairs, SentencePiece takes the leftmost;
// over all tokens of Gemma and Llama 2 no text was found where this matters, and the leftmost is taken.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tidemill/tokenizer.h"

namespace tidemill {

// What a token is; 1 to 6 are the numbers of SentencePiece and GGUF files.
enum class TokenType : uint8_t {
  normal = 1,
  unknown = 2,
  control = 3,
  user_defined = 4,
  unused = 5,    // a step of merging that is split again when it is left over
  byte = 6,      // "<0x0A>"
  reserved = 7,  // found like a control token, but text when decoded: Gemma's <unused7>
};

struct SpmVocab {
  std::vector<std::string_view> tokens;  // UTF-8; copied, so the file may be closed after make_spm_bpe
  std::vector<float> scores;             // one per token: the higher, the earlier merged
  std::vector<TokenType> types;          // one per token
  int32_t bos = -1;                      // ids; -1: none
  int32_t eos = -1;
  int32_t unknown = -1;
  std::vector<int32_t> stop_ids;  // after which generation ends
  bool add_bos = true;
  bool add_eos = false;
  bool add_space_prefix = true;
};

// `source` names the file in messages.  Throws bad_file, naming the token, for: no tokens or more than 2^24, lists of
// different lengths, a token that is not UTF-8 or occurs twice, a score that is not a number, a byte token not spelled
// <0xHH>, ids out of range, and neither all byte tokens nor an unknown token.
std::shared_ptr<const Tokenizer> make_spm_bpe(const SpmVocab& vocab, const std::string& source);

}  // namespace tidemill
