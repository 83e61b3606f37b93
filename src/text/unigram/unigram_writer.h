// From the tokens that Unigram chose to ids: unknown neighbours become one, or bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>

#include "text/pieces/piece_model.h"
#include "text/unigram/unigram_path.h"
#include "text/unigram/unigram_tokens.h"

namespace tidemill {

// For one text; tokens come in order.
template <typename Score>
class UnigramWriter {
 public:
  UnigramWriter(const UnigramTokens<Score>& model, std::string_view text, PieceTokens& tokens)
      : model_(model), text_(text), tokens_(tokens) {}

  void write(const UnigramSegment& segment) {
    if (segment.id != model_.unknown.id_or_none()) {
      end_unknown();
      push(segment.id, segment.begin, segment.end);
      return;
    }
    if (unknown_begin_ == unknown_end_) unknown_begin_ = segment.begin;
    unknown_end_ = segment.end;
    if (kSentencePiece && can_fall_back()) end_unknown();
  }

  // Tokens that are known; not where ranges are asked for.
  void write(std::span<const int32_t> ids) {
    end_unknown();
    tokens_.ids.insert(tokens_.ids.end(), ids.begin(), ids.end());
  }

  // Writes the unknown characters that wait for more; call it at the end of a piece.
  void end_unknown() {
    if (unknown_begin_ == unknown_end_) return;
    const std::string_view run = waiting();
    const int32_t id = kSentencePiece ? -1 : model_.found.find(run);
    if (id < 0 && can_fall_back()) {
      for (size_t k = 0; k < run.size(); ++k) {
        const bool whole = !kSentencePiece || k + 1 == run.size();
        push(model_.byte_id(run[k]), unknown_begin_, whole ? unknown_end_ : unknown_begin_ + 1);
      }
    } else {
      push(id >= 0 ? id : model_.unknown.id(run), unknown_begin_, unknown_end_);
    }
    unknown_begin_ = unknown_end_;
  }

 private:
  static constexpr bool kSentencePiece = UnigramTokens<Score>::kSentencePiece;

  std::string_view waiting() const { return text_.substr(unknown_begin_, unknown_end_ - unknown_begin_); }
  // The unknown characters that wait have byte tokens.
  bool can_fall_back() const {
    const std::string_view run = waiting();
    return std::all_of(run.begin(), run.end(), [&](char byte) { return model_.byte_id(byte) >= 0; });
  }

  void push(int32_t id, uint32_t begin, uint32_t end) {
    tokens_.ids.push_back(id);
    if (tokens_.ranges) tokens_.ranges->push_back({begin, end});
  }

  const UnigramTokens<Score>& model_;
  std::string_view text_;
  PieceTokens& tokens_;
  uint32_t unknown_begin_ = 0, unknown_end_ = 0;
};

}  // namespace tidemill
