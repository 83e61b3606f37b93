// Tests: src/text/post_processor_test.cpp, and beside Hugging Face's in tests/text/test_tokenizers.py.
#include "text/post_processor.h"

#include <algorithm>
#include <utility>

#include "text/encoding.h"
#include "text/unicode/unicode.h"
#include "text/unicode/utf8.h"

namespace tidemill {
namespace {

Encoding special_tokens(std::span<const int32_t> ids, int32_t type_id) {
  Encoding encoding;
  for (const int32_t id : ids) append(encoding, {.id = id, .type_id = type_id});
  return encoding;
}

void set_type(Encoding& encoding, int32_t type_id) {
  std::fill(encoding.type_ids.begin(), encoding.type_ids.end(), type_id);
}

// Puts `before` and `after` around `encoding` and each of its overflowing parts.
void surround(Encoding& encoding, const Encoding& before, const Encoding& after) {
  std::vector<Encoding> parts = std::move(encoding.overflowing);
  encoding.overflowing.clear();
  for (Encoding& part : parts) surround(part, before, after);
  Encoding joined = before;
  append(joined, encoding);
  append(joined, after);
  encoding = std::move(joined);
  encoding.overflowing = std::move(parts);
}

class TemplateProcessing final : public PostProcessor {
 public:
  TemplateProcessing(std::vector<TemplatePiece> single, std::vector<TemplatePiece> pair)
      : single_(std::move(single)), pair_(std::move(pair)) {}

  size_t n_added(bool pair) const override {
    size_t n = 0;
    for (const TemplatePiece& piece : pair ? pair_ : single_) n += piece.ids.size();
    return n;
  }

  void apply(std::vector<Encoding>& encodings, bool add_special_tokens, const EncodingSource&) const override {
    std::vector<Encoding> result;
    for (const TemplatePiece& piece : encodings.size() == 2 ? pair_ : single_) {
      if (piece.sequence >= 0) {
        Encoding& encoding = encodings[std::min<size_t>(static_cast<size_t>(piece.sequence), encodings.size() - 1)];
        set_type(encoding, piece.type_id);
        result.push_back(encoding);
      } else if (add_special_tokens) {
        result.push_back(special_tokens(piece.ids, piece.type_id));
      }
    }
    encodings = std::move(result);
  }

 private:
  std::vector<TemplatePiece> single_, pair_;
};

class BertProcessing final : public PostProcessor {
 public:
  BertProcessing(int32_t cls, int32_t sep) : cls_(cls), sep_(sep) {}

  size_t n_added(bool pair) const override { return pair ? 3 : 2; }

  void apply(std::vector<Encoding>& encodings, bool add_special_tokens, const EncodingSource&) const override {
    if (!add_special_tokens) return;
    surround(encodings[0], special_tokens({&cls_, 1}, 0), special_tokens({&sep_, 1}, 0));
    for (size_t k = 1; k < encodings.size(); ++k) surround(encodings[k], {}, special_tokens({&sep_, 1}, 1));
  }

 private:
  int32_t cls_, sep_;
};

// A space of a text, or the character that GPT-2's alphabet has for it.
bool is_space_in_token(char32_t code_point) {
  return code_point == U'\u0120' || unicode::is_white_space(code_point);
}

size_t leading_spaces(std::string_view token) {
  size_t n = 0;
  while (!token.empty()) {
    const DecodedCharacter next = first_character(token);
    if (!is_space_in_token(next.code_point)) break;
    token.remove_prefix(next.n_bytes);
    ++n;
  }
  return n;
}

size_t trailing_spaces(std::string_view token) {
  size_t n = 0;
  while (!token.empty()) {
    const DecodedCharacter last = last_character(token);
    if (!is_space_in_token(last.code_point)) break;
    token.remove_suffix(last.n_bytes);
    ++n;
  }
  return n;
}

// Hugging Face counts the spaces of the token, not of the text, and takes as many characters off the span.
void trim_span(TokenSpan& span, std::string_view text, std::string_view token, bool keep_one) {
  size_t leading = leading_spaces(token);
  if (leading == 1 && keep_one) leading = 0;
  for (; leading > 0 && span.begin < span.end; --leading) {
    span.begin += static_cast<int64_t>(utf8_step(text.substr(static_cast<size_t>(span.begin))).n_bytes);
  }
  span.begin = std::min(span.begin, span.end);
  const size_t trailing = trailing_spaces(token);
  auto end = static_cast<size_t>(span.end);
  for (size_t n = 0; n < trailing; ++n) {
    if (end == 0) return;  // more than the text has: nothing is taken off
    end -= last_character(text.substr(0, end)).n_bytes;
  }
  span.end = std::max(span.begin, static_cast<int64_t>(end));
}

void trim_spans(Encoding& encoding, bool add_prefix_space, const EncodingSource& source) {
  for (size_t k = 0; k < encoding.ids.size(); ++k) {
    if (encoding.sequence_ids[k] < 0) continue;
    TokenSpan& span = encoding.spans[k];
    const bool is_first = k == 0 || span.begin == 0;
    trim_span(span, source.texts[static_cast<size_t>(encoding.sequence_ids[k])], source.spelling(encoding, k),
              is_first && add_prefix_space);
  }
  for (Encoding& part : encoding.overflowing) trim_spans(part, add_prefix_space, source);
}

class ByteLevelProcessing final : public PostProcessor {
 public:
  explicit ByteLevelProcessing(TrimOffsets trim) : trim_(trim) {}

  size_t n_added(bool) const override { return 0; }

  void apply(std::vector<Encoding>& encodings, bool, const EncodingSource& source) const override {
    if (!trim_.enabled) return;
    for (Encoding& encoding : encodings) trim_spans(encoding, trim_.add_prefix_space, source);
  }

 private:
  TrimOffsets trim_;
};

class RobertaProcessing final : public PostProcessor {
 public:
  RobertaProcessing(int32_t cls, int32_t sep, TrimOffsets trim) : cls_(cls), sep_(sep), trim_(trim) {}

  size_t n_added(bool pair) const override { return pair ? 4 : 2; }

  void apply(std::vector<Encoding>& encodings, bool add_special_tokens, const EncodingSource& source) const override {
    trim_.apply(encodings, add_special_tokens, source);
    for (Encoding& encoding : encodings) set_type(encoding, 0);
    if (!add_special_tokens) return;
    for (size_t k = 0; k < encodings.size(); ++k) {
      // Parts that were cut off are all of type 0 only once tokens go around them.
      for (Encoding& part : encodings[k].overflowing) set_type(part, 0);
      surround(encodings[k], special_tokens({k == 0 ? &cls_ : &sep_, 1}, 0), special_tokens({&sep_, 1}, 0));
    }
  }

 private:
  int32_t cls_, sep_;
  ByteLevelProcessing trim_;
};

class ProcessingSequence final : public PostProcessor {
 public:
  explicit ProcessingSequence(std::vector<std::unique_ptr<const PostProcessor>> processors)
      : processors_(std::move(processors)) {}

  size_t n_added(bool pair) const override {
    size_t n = 0;
    for (const auto& processor : processors_) n += processor->n_added(pair);
    return n;
  }

  void apply(std::vector<Encoding>& encodings, bool add_special_tokens, const EncodingSource& source) const override {
    for (const auto& processor : processors_) processor->apply(encodings, add_special_tokens, source);
  }

 private:
  std::vector<std::unique_ptr<const PostProcessor>> processors_;
};

}  // namespace

std::unique_ptr<const PostProcessor> make_template_processing(std::vector<TemplatePiece> single,
                                                              std::vector<TemplatePiece> pair) {
  return std::make_unique<TemplateProcessing>(std::move(single), std::move(pair));
}

std::unique_ptr<const PostProcessor> make_bert_processing(int32_t cls, int32_t sep) {
  return std::make_unique<BertProcessing>(cls, sep);
}

std::unique_ptr<const PostProcessor> make_roberta_processing(int32_t cls, int32_t sep, TrimOffsets trim) {
  return std::make_unique<RobertaProcessing>(cls, sep, trim);
}

std::unique_ptr<const PostProcessor> make_byte_level_processing(TrimOffsets trim) {
  return std::make_unique<ByteLevelProcessing>(trim);
}

std::unique_ptr<const PostProcessor> make_processing_sequence(
    std::vector<std::unique_ptr<const PostProcessor>> processors) {
  return std::make_unique<ProcessingSequence>(std::move(processors));
}

Encoding post_process(const PostProcessor* processor, std::vector<Encoding> encodings, bool add_special_tokens,
                      const EncodingSource& source) {
  for (size_t k = 0; k < encodings.size() && processor; ++k) set_type(encodings[k], static_cast<int32_t>(k));
  if (processor) processor->apply(encodings, add_special_tokens, source);
  Encoding result;
  for (const Encoding& encoding : encodings) append(result, encoding);
  return result;
}

}  // namespace tidemill
