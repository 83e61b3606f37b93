// SentencePiece's vocabularies in GGUF files.
#pragma once

#include "formats/gguf.h"
#include "text/sentencepiece/spm_tokenizer.h"

namespace tidemill {

// Views of the results refer to `file`.  Both throw bad_file, naming file and key.
//
// "llama": BPE, of Gemma, Llama 2 and Mistral.
SpmVocab read_gguf_llama(const GgufFile& file);
// "t5": Unigram, of T5 and of XLM-RoBERTa's kin.
SpmVocab read_gguf_t5(const GgufFile& file);

}  // namespace tidemill
