// SentencePiece vocabularies of spm_tokenizer.h in the language of tokenizer.json, as the converters of Hugging Face's
// transformers write them.
#pragma once

#include <string>

#include "text/sentencepiece/spm_tokenizer.h"
#include "text/tokenizer_description.h"

namespace tidemill {

// Ids are the same for ordinary text.  They may differ where Hugging Face's tokenizers and sentencepiece do: character
// maps go by clusters there, sums of scores have double precision, ties of merges go by rank, and what follows a
// user-defined token gets the space prefix, too.
//
// Views of the result refer to what those of `vocab` do.  Throws unsupported, naming `source` and the token, for an
// unused piece that merges can make.
TokenizerDescription describe_spm(const SpmVocab& vocab, const std::string& source);

}  // namespace tidemill
