// The stages that a text goes through on its way to ids, and the shorter way past them for words that came before.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "text/added_tokens.h"
#include "text/normalizer.h"
#include "text/pieces/piece_model.h"
#include "text/pre_tokenizer.h"
#include "text/scratch_pool.h"
#include "text/words/ascii_words.h"

namespace tidemill {

// Where one text's tokens go; spans and words only when they are asked for.
struct TextTokens {
  std::vector<int32_t>& ids;
  std::vector<TokenSpan>* spans = nullptr;  // in the repaired text
  std::vector<int32_t>* word_ids = nullptr;
  int32_t n_words = 0;

  bool tracked() const { return spans || word_ids; }
};

// Immutable; any number of threads may call it, each with a scratch of its own.
class Stages {
 public:
  // `normalizer` and `pre_tokenizer` may be null.  All must outlive this.
  Stages(const AddedTokens& added, const Normalizer* normalizer, const PreTokenizer* pre_tokenizer,
         const PieceModel& model);

  // Appends the tokens of `text`, valid UTF-8.
  void encode(std::string_view text, SpecialText special_text, PipelineScratch& scratch, TextTokens& tokens) const;

  // What makes words of `text`, which is then all that PieceModel::encode_by_words has to read; null where there is
  // more to do.  Throws invalid_argument for forbidden special tokens.
  const WordNormalizer* by_words(std::string_view text, SpecialText special_text) const;

  // True when words may go by themselves, so that a WordCache is of use.
  bool words_are_independent() const { return word_bounds_ != WordBounds::crossed; }

 private:
  // The way of `encode` for models that read raw texts, and the way through all stages; `at`: where `text` lies in the
  // caller's.
  void encode_raw(std::string_view text, SpecialText special_text, PipelineScratch& scratch, TextTokens& tokens) const;
  void encode_stages(std::string_view text, size_t at, SpecialText special_text, PipelineScratch& scratch,
                     TextTokens& tokens) const;
  template <typename OnToken, typename OnText>
  void split_at_added_tokens(AddedTokens::Stage stage, std::string_view text, SpecialText special_text,
                             OnToken&& on_token, OnText&& on_text) const;
  void add_token(size_t index, TokenSpan span, TextTokens& tokens) const;

  // All of them append the tokens of a stretch of text between added tokens: of what lies at byte `at`, of a part of a
  // normalized text, of a text that only has to be cut, of scratch.pieces.
  void encode_stretch(std::string_view text, size_t at, SpecialText special_text, PipelineScratch& scratch,
                      TextTokens& tokens) const;
  void encode_part(const NormalizedText& text, size_t begin, size_t end, PipelineScratch& scratch,
                   TextTokens& tokens) const;
  void encode_pieces(NormalizedText& text, PipelineScratch& scratch, TextTokens& tokens) const;
  void encode_blocks(const Splitter& splitter, const NormalizedText& text, PipelineScratch& scratch,
                     TextTokens& tokens) const;
  void encode_block(const NormalizedText& text, PipelineScratch& scratch, TextTokens& tokens) const;

  WordBounds find_word_bounds() const;
  std::optional<AsciiWords> make_ascii_words() const;
  bool encode_words(std::string_view text, PipelineScratch& scratch, std::vector<int32_t>& ids) const;
  bool encode_missing(std::string_view text, std::span<const uint16_t> missing, PipelineScratch& scratch) const;
  bool add_ascii_to_batch(std::string_view word, WordBatch& batch) const;
  void add_to_batch(NormalizedText& word, WordBatch& batch) const;
  bool holds_added_token(std::string_view normalized) const;
  bool stands_alone(std::string_view word, std::string_view normalized) const;

  const AddedTokens& added_;
  const Normalizer* normalizer_;
  const PreTokenizer* pre_tokenizer_;
  const PieceModel& model_;
  bool needs_origins_;              // also where no spans are asked for
  const WordNormalizer* by_words_;  // what is between added tokens goes through it and to the model; null: more to do
  WordBounds word_bounds_;
  std::optional<AsciiWords> ascii_words_;  // where words of ASCII can go a short way
  bool special_text_matters_;              // once the text is normalized
};

}  // namespace tidemill
