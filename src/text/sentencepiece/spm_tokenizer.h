// Tokenizers of SentencePiece vocabularies that come without a .model file, as lists of GGUF files: Gemma, Llama 2 and
// Mistral (BPE), T5 (Unigram).
//
// Encoding, in this order (Kudo and Richardson 2018, arXiv:1808.06226, and the published tokenizer.json files):
//   1. Control tokens, the unknown one and, without a space prefix, user-defined tokens split the text where it spells
//      them.
//   2. Each stretch between them is normalized: the character map, spaces (U+2581 from now on), the space prefix.
//   3. User-defined tokens, runs of spaces among them, are found in what came out, and the rest is cut into tokens.
// Decoding: U+2581 is a space again; a run of byte tokens is text when the whole run is UTF-8, else each byte is U+FFFD
// (Hugging Face's ByteFallback); with a space prefix one leading space is dropped.
//
// Where the references differ, this follows the tokenizer.json that Gemma's and Llama 2's authors publish:
//   - SentencePiece never finds control tokens in text, Hugging Face and llama.cpp do: `SpecialText` chooses.
//   - Gemma has user-defined tokens for runs of 2 to 31 spaces.  SentencePiece finds them after spaces have become
//     U+2581, so that a literal U+2581 lengthens a run; Hugging Face splits literal U+2581 runs off first.  We do, too.
//   - SentencePiece puts the space prefix once, at the start; Hugging Face and llama.cpp also after control tokens.
//     After user-defined tokens we put none, as SentencePiece.
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
#include <vector>

#include "text/sentencepiece/sentencepiece_proto.h"
#include "tidemill/tokenizer.h"

namespace tidemill {

struct SpmVocab {
  SentencePieceProto proto;  // names of user-defined pieces may spell their spaces either way
  // Ids, ascending, of control pieces that are text when decoded, and always found: Gemma's <unused7>.
  std::vector<int32_t> reserved;
  int32_t bos = -1;  // ids; -1: none
  int32_t eos = -1;
  std::vector<int32_t> stop_ids;  // after which generation ends
  bool add_bos = true;
  bool add_eos = false;
};

// Holds copies.  All ids are -1 or in range.  `source` names the file in messages.  Throws bad_file, naming the token,
// for: no tokens or too many, a token that is not UTF-8 or occurs twice, a score that is not a number, a byte token not
// spelled <0xHH>, and neither all byte tokens nor an unknown token.
std::shared_ptr<const Tokenizer> make_spm_tokenizer(const SpmVocab& vocab, const std::string& source,
                                                    const TokenizerOptions& options);

}  // namespace tidemill
