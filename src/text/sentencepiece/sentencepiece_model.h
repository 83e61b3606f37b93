// SentencePiece .model files as tokenizers, with the ids and the text of sentencepiece 0.2.3.
//
//   Kudo and Richardson 2018, arXiv:1808.06226.
//
// All four kinds of models (unigram, bpe, word, char) with their character map, rules for white space, user-defined
// and control symbols and byte fallback.  What differs from a tokenizer.json of the same model:
//   - Control symbols and the unknown token are never found in a text, whatever SpecialText says, and never part of
//     decoded text, but for the unknown token's surface (" \u2047 ").
//   - Nothing is put around a text unless `add_bos` or `add_eos` says so.
// Not as sentencepiece: bytes that are not UTF-8 are replaced as everywhere in tidemill, by one U+FFFD for each maximal
// subpart instead of each byte.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tidemill/tokenizer.h"

namespace tidemill {

// What EncodeOptions::add_special_tokens adds; the file does not say.
struct SentencePieceAdditions {
  bool add_bos = false;
  bool add_eos = false;
};

// Of the content of a file called `source`, which may go after the call.  Throws bad_file, naming the field.
std::shared_ptr<const Tokenizer> make_sentencepiece_tokenizer(std::string_view bytes, const std::string& source,
                                                              const SentencePieceAdditions& additions,
                                                              const TokenizerOptions& options);

// True when `bytes` look like such a file.
bool is_sentencepiece_model(std::string_view bytes);

}  // namespace tidemill
