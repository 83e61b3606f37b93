#include "text/unigram/unigram.h"

#include "text/bpe/bpe_cuts.h"
#include "text/pieces/space_symbol.h"
#include "text/unigram/unigram_open_words.h"
#include "text/unigram/unigram_pass.h"
#include "text/unigram/unigram_raw_text.h"
#include "text/unigram/unigram_tokens.h"

namespace tidemill {
namespace {

template <typename Score>
class Unigram final : public PieceModel {
 public:
  Unigram(const UnigramVocab& vocab, const std::string& source)
      : tokens_(vocab, source),
        cuts_(tokens_.names),
        words_stand_alone_(UnigramTokens<Score>::kSentencePiece && tokens_.found.find(kSpaceSymbol) >= 0 &&
                           !cuts_.joins_spaces()) {}

  std::unique_ptr<PieceModel::Scratch> make_scratch() const override {
    return std::make_unique<Scratch>(words_stand_alone_);
  }
  bool shares_caches() const override { return true; }
  std::unique_ptr<PieceModel::Scratch> make_sharing_scratch(const PieceModel::Scratch& other) const override {
    return std::make_unique<Scratch>(&static_cast<const Scratch&>(other));
  }

  void encode(std::string_view text, std::span<const ByteRange> pieces, PieceModel::Scratch& scratch,
              PieceTokens tokens) const override {
    Score sum = 0;
    UnigramPass<Score> pass(tokens_, cuts_, text, static_cast<Scratch&>(scratch), tokens, sum);
    for (size_t k = 0; k < pieces.size(); ++k) {
      const size_t n_before = tokens.ids.size();
      sum = 0;
      pass.piece(pieces[k]);
      if (tokens.pieces) {
        tokens.pieces->insert(tokens.pieces->end(), tokens.ids.size() - n_before, static_cast<uint32_t>(k));
      }
    }
  }

  bool encode_by_words(std::string_view text, const WordNormalizer& normalizer, PieceModel::Scratch& scratch,
                       std::vector<int32_t>& ids) const override {
    return words_stand_alone_ &&
           UnigramRawText<Score>(tokens_, cuts_, text, normalizer, static_cast<Scratch&>(scratch), 0, ids).encode();
  }

  std::unique_ptr<PieceModel::OpenWords> open_words(std::string_view part, const WordNormalizer& normalizer,
                                                    PieceModel::Scratch& scratch) const override {
    if (!words_stand_alone_) return nullptr;
    auto words = std::make_unique<UnigramOpenWords<Score>>(tokens_, cuts_, part);
    if (!words->open(normalizer, static_cast<Scratch&>(scratch))) return nullptr;
    return words;
  }
  bool close_words(const PieceModel::OpenWords& part, const WordNormalizer& normalizer, PieceModel::Scratch& scratch,
                   double& sum, std::vector<int32_t>& ids) const override {
    auto exact_sum = static_cast<Score>(sum);
    const auto& words = static_cast<const UnigramOpenWords<Score>&>(part);
    const bool closed = words.close(normalizer, static_cast<Scratch&>(scratch), exact_sum, ids);
    sum = exact_sum;
    return closed;
  }

  int32_t vocab_size() const override { return tokens_.names.size(); }
  std::string_view token_name(int32_t id) const override { return tokens_.names[id]; }
  int32_t token_id(std::string_view name) const override { return tokens_.find(name); }

 private:
  using Scratch = UnigramScratch<Score>;

  UnigramTokens<Score> tokens_;
  BpeCuts cuts_;            // where no token reaches across
  bool words_stand_alone_;  // each beginning with U+2581, which is known and joined to nothing before it
};

}  // namespace

std::unique_ptr<PieceModel> make_unigram(const UnigramVocab& vocab, UnigramRules rules, const std::string& source) {
  if (rules == UnigramRules::sentencepiece) return std::make_unique<Unigram<float>>(vocab, source);
  return std::make_unique<Unigram<double>>(vocab, source);
}

}  // namespace tidemill
