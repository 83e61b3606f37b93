// Vocabularies without a description of their stages: BERT's vocab.txt, and GPT-2's vocab.json with merges.txt.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "text/tokenizer_description.h"

namespace tidemill {

// One token a line; the line's number, from 0, is the id.  The text is cut as BERT cuts it, in lower case unless the
// vocabulary has tokens in upper case.  Throws bad_file when there are no tokens or [UNK] is missing.
TokenizerDescription read_vocab_txt(std::string_view text, const std::string& source);

// `vocab` maps tokens to ids, `merges` has one pair of tokens a line after a line that begins with "#version".  The
// text is cut as GPT-2 cuts it.  Throws bad_file, naming the line.
TokenizerDescription read_vocab_and_merges(std::string_view vocab, std::string_view merges, const std::string& source,
                                           const std::string& merges_source);

// The description of BERT's stages around WordPiece names: normalizer, pre-tokenizer, post-processor, decoder and the
// special tokens among the names.
void add_bert_stages(TokenizerDescription& description, bool lowercase);
// The same for GPT-2's, around names in its byte alphabet.
void add_gpt2_stages(TokenizerDescription& description);

}  // namespace tidemill
