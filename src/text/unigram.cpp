#include "text/unigram.h"

#include <algorithm>
#include <cmath>

#include "text/spm_encoder.h"
#include "text/unigram_path.h"
#include "text/unigram_tokens.h"
#include "text/unigram_words.h"

namespace tidemill {
namespace {

template <typename Score>
class Unigram final : public PieceModel {
 public:
  Unigram(const UnigramVocab& vocab, const std::string& source) : tokens_(vocab, source) {}

  std::unique_ptr<PieceModel::Scratch> make_scratch() const override { return std::make_unique<Scratch>(); }

  void encode(std::string_view text, std::span<const ByteRange> pieces, PieceModel::Scratch& scratch,
              PieceTokens tokens) const override {
    Pass pass(tokens_, text, static_cast<Scratch&>(scratch), tokens);
    for (size_t k = 0; k < pieces.size(); ++k) {
      const size_t n_before = tokens.ids.size();
      pass.piece(pieces[k]);
      if (tokens.pieces) {
        tokens.pieces->insert(tokens.pieces->end(), tokens.ids.size() - n_before, static_cast<uint32_t>(k));
      }
    }
  }

  int32_t vocab_size() const override { return tokens_.names.size(); }
  std::string_view token_name(int32_t id) const override { return tokens_.names[id]; }
  int32_t token_id(std::string_view name) const override { return tokens_.find(name); }

 private:
  struct Scratch final : PieceModel::Scratch {
    void limit_cache(size_t n_bytes) override { words.limit(n_bytes); }
    CacheStatistics cache_statistics() const override { return words.statistics(); }

    UnigramPath<Score> path;
    UnigramWords<Score> words;
  };
  class Pass;

  UnigramTokens<Score> tokens_;
};

// One call of `encode`: word by word, and what is unknown run by run.
template <typename Score>
class Unigram<Score>::Pass {
 public:
  Pass(const UnigramTokens<Score>& model, std::string_view text, Scratch& scratch, PieceTokens& tokens)
      : model_(model), text_(text), scratch_(scratch), tokens_(tokens) {}

  void piece(ByteRange piece) {
    sum_ = 0;
    unknown_begin_ = unknown_end_ = piece.begin;
    for (uint32_t begin = piece.begin, end; begin < piece.end; begin = end) {
      end = word_end(begin, piece.end);
      if (end - begin > UnigramWords<Score>::kLongestWord || !remembered(begin, end)) {
        scratch_.path.write(model_, text_, begin, end, sum_, [this](const UnigramSegment& segment) { emit(segment); });
      }
    }
    end_unknown();
  }

 private:
  static constexpr bool kSentencePiece = UnigramTokens<Score>::kSentencePiece;

  // The next place after `begin` that no token crosses: before a space, as a rule.
  uint32_t word_end(uint32_t begin, uint32_t end) const {
    for (uint32_t pos = begin + 1; pos + kSpaceSymbol.size() <= end; ++pos) {
      if (text_[pos] != kSpaceSymbol[0] || text_[pos + 1] != kSpaceSymbol[1] || text_[pos + 2] != kSpaceSymbol[2]) {
        continue;
      }
      if (!model_.joins_space(text_[pos - 1])) return pos;
    }
    return end;
  }

  // Writes a word as it was written before; false when that is not certain.
  bool remembered(uint32_t begin, uint32_t end) {
    const typename UnigramWords<Score>::Word word = scratch_.words.find(model_, text_, begin, end);
    if (!(std::abs(sum_) <= word.largest_sum)) return false;
    for (const int32_t id : word.ids) {
      const bool unknown = id == model_.unknown.id_or_none();
      const size_t size = unknown ? utf8_size(text_[begin]) : model_.names[id].size();
      const auto next = static_cast<uint32_t>(begin + size);
      sum_ += unknown ? model_.unknown_score : model_.scores[id];
      emit({begin, next, id});
      begin = next;
    }
    return true;
  }

  void emit(const UnigramSegment& segment) {
    if (segment.id != model_.unknown.id_or_none()) {
      end_unknown();
      push(segment.id, segment.begin, segment.end);
      return;
    }
    if (unknown_begin_ == unknown_end_) unknown_begin_ = segment.begin;
    unknown_end_ = segment.end;
    if (kSentencePiece && can_fall_back()) end_unknown();
  }

  // Emits the unknown characters that wait.
  void end_unknown() {
    if (unknown_begin_ == unknown_end_) return;
    const std::string_view run = text_.substr(unknown_begin_, unknown_end_ - unknown_begin_);
    const int32_t id = kSentencePiece ? -1 : model_.trie.find(run);
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

  // The unknown characters that wait have byte tokens.
  bool can_fall_back() const {
    const std::string_view run = text_.substr(unknown_begin_, unknown_end_ - unknown_begin_);
    return std::all_of(run.begin(), run.end(), [&](char byte) { return model_.byte_id(byte) >= 0; });
  }

  void push(int32_t id, uint32_t begin, uint32_t end) {
    tokens_.ids.push_back(id);
    if (tokens_.ranges) tokens_.ranges->push_back({begin, end});
  }

  const UnigramTokens<Score>& model_;
  std::string_view text_;
  Scratch& scratch_;
  PieceTokens& tokens_;
  Score sum_ = 0;                                 // of the scores of all tokens so far
  uint32_t unknown_begin_ = 0, unknown_end_ = 0;  // unknown characters that wait for more
};

}  // namespace

std::unique_ptr<PieceModel> make_unigram(const UnigramVocab& vocab, UnigramRules rules, const std::string& source) {
  if (rules == UnigramRules::sentencepiece) return std::make_unique<Unigram<float>>(vocab, source);
  return std::make_unique<Unigram<double>>(vocab, source);
}

}  // namespace tidemill
