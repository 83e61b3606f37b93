// Tokenizers of GGUF files that are pipelines.
#pragma once

#include "formats/gguf.h"
#include "text/tokenizer_description.h"

namespace tidemill {

// "gpt2": byte-level BPE.  What tokenizer.ggml.pre stands for is known from llama.cpp, and from the tokenizer.json that
// the model's authors publish where llama.cpp leaves something out.  Views of the result refer to `file`.  Throws
// bad_file, naming file and key, and unsupported for a pre-tokenizer that is not known.
TokenizerDescription describe_gguf_bpe(const GgufFile& file);

// "bert": WordPiece.  Throws bad_file, naming file and key.
TokenizerDescription describe_gguf_wordpiece(const GgufFile& file);

// The one of these that tokenizer.ggml.model names, or that of a SentencePiece vocabulary ("llama", "t5":
// text/sentencepiece/spm_description.h).  Throws unsupported for others: "rwkv" has no like in tokenizer.json.
TokenizerDescription describe_gguf(const GgufFile& file);

}  // namespace tidemill
