#include "text/unigram/unigram.h"

#include <cmath>

#include "text/bpe/bpe_cuts.h"
#include "text/unicode/code_points.h"
#include "text/unigram/unigram_path.h"
#include "text/unigram/unigram_tokens.h"
#include "text/unigram/unigram_words.h"
#include "text/unigram/unigram_writer.h"

namespace tidemill {
namespace {

template <typename Score>
class Unigram final : public PieceModel {
 public:
  Unigram(const UnigramVocab& vocab, const std::string& source) : tokens_(vocab, source), cuts_(vocab.tokens) {}

  std::unique_ptr<PieceModel::Scratch> make_scratch() const override { return std::make_unique<Scratch>(); }

  void encode(std::string_view text, std::span<const ByteRange> pieces, PieceModel::Scratch& scratch,
              PieceTokens tokens) const override {
    Pass pass(*this, text, static_cast<Scratch&>(scratch), tokens);
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
    std::vector<ByteRange> ranges;  // of words
  };
  class Pass;

  UnigramTokens<Score> tokens_;
  BpeCuts cuts_;  // where no token reaches across
};

// One call of `encode`: block by block of words, and what is unknown run by run.
template <typename Score>
class Unigram<Score>::Pass {
 public:
  Pass(const Unigram& unigram, std::string_view text, Scratch& scratch, PieceTokens& tokens)
      : model_(unigram.tokens_),
        cuts_(unigram.cuts_),
        text_(text),
        scratch_(scratch),
        writer_(model_, text, tokens),
        tracked_(tokens.ranges) {}

  void piece(ByteRange piece) {
    sum_ = 0;
    for (size_t begin = piece.begin; begin < piece.end;) {
      scratch_.ranges.clear();
      begin = cuts_.cut(text_, begin, piece.end, PieceBlock::kPieces, scratch_.ranges);
      scratch_.words.find(model_, text_, scratch_.ranges);
      for (size_t k = 0; k < scratch_.ranges.size(); ++k) write(scratch_.ranges[k], scratch_.words.word(k));
    }
    writer_.end_unknown();
  }

 private:
  // As the word was written before, where that is certain.
  void write(ByteRange range, const typename UnigramWords<Score>::Word& word) {
    if (!(std::abs(sum_) <= word.largest_sum)) {
      scratch_.path.write(model_, text_, range.begin, range.end, sum_,
                          [this](const UnigramSegment& segment) { writer_.write(segment); });
      return;
    }
    const int32_t unknown_id = model_.unknown.id_or_none();
    bool has_unknown = false;
    for (const int32_t id : word.ids) {
      has_unknown |= id == unknown_id;
      sum_ += id == unknown_id ? model_.unknown_score : model_.scores[id];
    }
    if (!has_unknown && !tracked_) return writer_.write(word.ids);
    uint32_t begin = range.begin;
    for (const int32_t id : word.ids) {
      const size_t size = id == unknown_id ? utf8_size(text_[begin]) : model_.names[id].size();
      const auto end = static_cast<uint32_t>(begin + size);
      writer_.write({begin, end, id});
      begin = end;
    }
  }

  const UnigramTokens<Score>& model_;
  const BpeCuts& cuts_;
  std::string_view text_;
  Scratch& scratch_;
  UnigramWriter<Score> writer_;
  bool tracked_;
  Score sum_ = 0;  // of the scores of all tokens so far
};

}  // namespace

std::unique_ptr<PieceModel> make_unigram(const UnigramVocab& vocab, UnigramRules rules, const std::string& source) {
  if (rules == UnigramRules::sentencepiece) return std::make_unique<Unigram<float>>(vocab, source);
  return std::make_unique<Unigram<double>>(vocab, source);
}

}  // namespace tidemill
