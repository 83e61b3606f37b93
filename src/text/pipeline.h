// A tokenizer in stages, which is what every kind of tokenizer becomes when it is loaded.
//
//   text -> added tokens -> normalizer -> added tokens -> pre-tokenizer -> model -> post-processor -> ids
//   ids -> names -> decoder -> text
//
// The order and all details are those of Hugging Face's `tokenizers`.  Where only ids are asked for and the
// pre-tokenizer merely cuts, the text is never copied: blocks of pieces go from the splitter to the model.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "text/added_tokens.h"
#include "text/normalizer.h"
#include "text/pieces/piece_model.h"
#include "text/post_processor.h"
#include "text/pre_tokenizer.h"
#include "text/text_cuts.h"
#include "text/token_decoder.h"
#include "tidemill/tokenizer.h"

namespace tidemill {

// What a pipeline is made of.  All but the model may be missing.
struct PipelineParts {
  std::vector<AddedToken> added_tokens;  // with their ids
  std::unique_ptr<const Normalizer> normalizer;
  std::unique_ptr<const PreTokenizer> pre_tokenizer;  // without one a text is a single piece
  std::unique_ptr<const PieceModel> model;
  std::unique_ptr<const PostProcessor> post_processor;
  std::unique_ptr<const TokenDecoder> decoder;             // without one names are joined by spaces
  SpecialText standard_special_text = SpecialText::parse;  // what SpecialText::standard means
  bool clean_up_spaces = false;  // of decoded text: clean_up_tokenization_spaces of `transformers`
  std::vector<int32_t> stop_ids;
  int32_t bos = -1;
  std::optional<Truncation> truncation;  // what the file asks for
  std::optional<Padding> padding;
  TextCuts cuts = {};  // as far as the stages go
};

std::shared_ptr<const Tokenizer> make_pipeline(PipelineParts parts, const TokenizerOptions& options);

}  // namespace tidemill
