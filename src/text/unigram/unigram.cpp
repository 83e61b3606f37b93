#include "text/unigram/unigram.h"

#include <cmath>

#include "text/pieces/space_symbol.h"
#include "text/unigram/unigram_path.h"
#include "text/unigram/unigram_tokens.h"
#include "text/unigram/unigram_words.h"
#include "text/unigram/unigram_writer.h"

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
      : model_(model), text_(text), scratch_(scratch), writer_(model, text, tokens) {}

  void piece(ByteRange piece) {
    sum_ = 0;
    for (uint32_t begin = piece.begin, end; begin < piece.end; begin = end) {
      end = word_end(begin, piece.end);
      if (end - begin > UnigramWords<Score>::kLongestWord || !remembered(begin, end)) {
        scratch_.path.write(model_, text_, begin, end, sum_,
                            [this](const UnigramSegment& segment) { writer_.write(segment); });
      }
    }
    writer_.end_unknown();
  }

 private:
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
      writer_.write({begin, next, id});
      begin = next;
    }
    return true;
  }

  const UnigramTokens<Score>& model_;
  std::string_view text_;
  Scratch& scratch_;
  UnigramWriter<Score> writer_;
  Score sum_ = 0;  // of the scores of all tokens so far
};

}  // namespace

std::unique_ptr<PieceModel> make_unigram(const UnigramVocab& vocab, UnigramRules rules, const std::string& source) {
  if (rules == UnigramRules::sentencepiece) return std::make_unique<Unigram<float>>(vocab, source);
  return std::make_unique<Unigram<double>>(vocab, source);
}

}  // namespace tidemill
