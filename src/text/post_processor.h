// What is added around encoded texts, and how a pair becomes one: Hugging Face's post-processors.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tidemill/tokenizer.h"

namespace tidemill {

// What post-processors may know of where an encoding comes from.
struct EncodingSource {
  std::array<std::string_view, 2> texts;  // by sequence id
  // A token of the encoding as it was found: for an added token the stretch of text with the space it took along, for
  // others the name.
  std::function<std::string_view(const Encoding& encoding, size_t token)> spelling;
};

// Immutable; any number of threads may call it.
class PostProcessor {
 public:
  virtual ~PostProcessor() = default;
  // How many tokens are added around one text, or around a pair.
  virtual size_t n_added(bool pair) const = 0;
  // Turns one encoding or two into those that make up the result, in order.
  virtual void apply(std::vector<Encoding>& encodings, bool add_special_tokens, const EncodingSource& source) const = 0;
};

// One place of a template: a text of the pair, or tokens.
struct TemplatePiece {
  int32_t sequence = -1;     // 0: first text, 1: second text, -1: `ids`
  std::vector<int32_t> ids;  // special tokens
  int32_t type_id = 0;
};
std::unique_ptr<const PostProcessor> make_template_processing(std::vector<TemplatePiece> single,
                                                              std::vector<TemplatePiece> pair);

// [CLS] first [SEP] second [SEP].
std::unique_ptr<const PostProcessor> make_bert_processing(int32_t cls, int32_t sep);

struct TrimOffsets {
  bool enabled = true;           // spans leave out the white space at both ends of tokens
  bool add_prefix_space = true;  // but not a space that was added at the start of the text
};
// <s> first </s> </s> second </s>, all of type 0.
std::unique_ptr<const PostProcessor> make_roberta_processing(int32_t cls, int32_t sep, TrimOffsets trim);
// Adds nothing.
std::unique_ptr<const PostProcessor> make_byte_level_processing(TrimOffsets trim);
std::unique_ptr<const PostProcessor> make_processing_sequence(
    std::vector<std::unique_ptr<const PostProcessor>> processors);

// Runs `processor`, which may be null, over one encoding or two and joins the results.
Encoding post_process(const PostProcessor* processor, std::vector<Encoding> encodings, bool add_special_tokens,
                      const EncodingSource& source);

}  // namespace tidemill
