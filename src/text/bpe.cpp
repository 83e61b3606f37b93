#include "text/bpe.h"

#include <algorithm>
#include <optional>

#include "text/bpe_rules.h"
#include "text/bpe_symbols.h"
#include "text/bpe_word.h"
#include "text/token_table.h"

namespace tidemill {
namespace {

class BpeScratch final : public PieceModel::Scratch {
 public:
  BpeWord word;
};

class Bpe final : public PieceModel {
 public:
  Bpe(const BpeVocab& vocab, const std::string& source)
      : names_(vocab.names),
        texts_(vocab.texts.empty() ? vocab.names : vocab.texts),
        name_index_(names_, source),
        text_index_(texts_, source),
        pairs_(bpe_rules(vocab, name_index_, text_index_, source)),
        symbols_(vocab, name_index_, source),
        whole_pieces_(vocab.whole_pieces) {}

  std::unique_ptr<Scratch> make_scratch() const override { return std::make_unique<BpeScratch>(); }

  void encode(std::string_view text, std::span<const ByteRange> pieces, Scratch& scratch,
              PieceTokens tokens) const override {
    auto& own = static_cast<BpeScratch&>(scratch);
    for (size_t k = 0; k < pieces.size(); ++k) {
      const ByteRange piece = pieces[k];
      const std::string_view bytes = text.substr(piece.begin, piece.end - piece.begin);
      const int32_t whole = whole_pieces_ ? text_index_.find(bytes) : -1;
      if (whole >= 0) {
        own.word.clear();
        own.word.add(whole, piece.end - piece.begin);
      } else {
        symbols_.start(bytes, own.word);
        own.word.merge(pairs_);
      }
      emit(own.word.symbols(), piece, k, tokens);
    }
  }

  int32_t vocab_size() const override { return names_.size(); }
  std::string_view token_name(int32_t id) const override { return names_[id]; }
  int32_t token_id(std::string_view name) const override { return name_index_.find(name); }

 private:
  static void emit(std::span<const BpeWord::Symbol> symbols, ByteRange piece, size_t k, PieceTokens tokens) {
    uint32_t begin = piece.begin;
    for (const BpeWord::Symbol& symbol : symbols) {
      tokens.ids.push_back(static_cast<int32_t>(symbol.id));
      const uint32_t end = std::min(begin + symbol.size, piece.end);
      if (tokens.ranges) tokens.ranges->push_back({begin, end});
      if (tokens.pieces) tokens.pieces->push_back(static_cast<uint32_t>(k));
      begin = end;
    }
  }

  TokenStrings names_, texts_;
  TokenIndex name_index_, text_index_;
  BpePairs pairs_;
  BpeSymbols symbols_;
  bool whole_pieces_;
};

}  // namespace

std::unique_ptr<const PieceModel> make_bpe(const BpeVocab& vocab, const std::string& source) {
  check_bpe_vocab(vocab, source);
  return std::make_unique<Bpe>(vocab, source);
}

}  // namespace tidemill
