#include "text/bpe/bpe.h"

#include <algorithm>

#include "text/bpe/bpe_blocks.h"
#include "text/bpe/bpe_rules.h"
#include "text/bpe/bpe_scratch.h"
#include "text/bpe/bpe_tables.h"
#include "text/reserved_ids.h"

namespace tidemill {
namespace {

// How much of a text is copied to put a prefix before it, at first.
constexpr size_t kStart = 250;
// In place of a position: the raw text has to go through the stages.
constexpr size_t kNotRaw = ~size_t{0};

class Bpe final : public PieceModel {
 public:
  Bpe(const BpeVocab& vocab, const std::string& source) : tables_(vocab, source), blocks_(tables_) {}

  std::unique_ptr<Scratch> make_scratch() const override { return std::make_unique<BpeScratch>(tables_.cache_bytes()); }

  bool shares_caches() const override { return true; }
  std::unique_ptr<Scratch> make_sharing_scratch(const Scratch& other) const override {
    return std::make_unique<BpeScratch>(&static_cast<const BpeScratch&>(other));
  }

  void encode(std::string_view text, std::span<const ByteRange> pieces, Scratch& scratch,
              PieceTokens tokens) const override {
    auto& own = static_cast<BpeScratch&>(scratch);
    const BpeCuts* const cuts = tables_.cuts();
    if (!cuts) return encode_words(text, pieces, {}, own, tokens);
    own.words.clear();
    own.word_pieces.clear();
    for (size_t k = 0; k < pieces.size(); ++k) {
      for (size_t pos = pieces[k].begin; pos < pieces[k].end;) {
        pos = cuts->cut(text, pos, pieces[k].end, PieceBlock::kPieces - own.words.size(), own.words);
        if (tokens.pieces) own.word_pieces.resize(own.words.size(), static_cast<uint32_t>(k));
        if (own.words.size() == PieceBlock::kPieces) flush_words(text, own, tokens);
      }
    }
    flush_words(text, own, tokens);
  }

  bool reads_raw_text() const override { return tables_.cutter() != nullptr; }
  bool encode_raw(std::string_view text, bool at_start, Scratch& scratch, std::vector<int32_t>& ids) const override {
    auto& own = static_cast<BpeScratch&>(scratch);
    const size_t n_before = ids.size();
    size_t pos = wants_prefix(text, at_start) ? encode_start(text, own, ids) : 0;
    while (pos < text.size()) {
      pos = encode_raw_block(text, pos, own, ids);
      if (pos < text.size()) {
        reserve_for_rest(ids, n_before, static_cast<double>(text.size()) / static_cast<double>(pos));
      }
    }
    own.cache.unpin();
    if (pos != kNotRaw) return true;
    ids.resize(n_before);
    return false;
  }

  int32_t vocab_size() const override { return tables_.names().size(); }
  std::string_view token_name(int32_t id) const override { return tables_.names()[id]; }
  int32_t token_id(std::string_view name) const override { return tables_.name_index().find(name); }

 private:
  void flush_words(std::string_view text, BpeScratch& own, PieceTokens tokens) const {
    encode_words(text, own.words, own.word_pieces, own, tokens);
    own.words.clear();
    own.word_pieces.clear();
  }

  // `word_pieces`: which of the given pieces each word is part of; empty when they are the pieces.
  void encode_words(std::string_view text, std::span<const ByteRange> words, std::span<const uint32_t> word_pieces,
                    BpeScratch& own, PieceTokens tokens) const {
    for (size_t done = 0; done < words.size(); done += PieceBlock::kPieces) {
      const auto block = words.subspan(done, std::min(PieceBlock::kPieces, words.size() - done));
      own.cache.pin();
      blocks_.find(text, block, own, tables_.joints());
      if (!tokens.ranges && !tokens.pieces) {
        BpeBlocks::emit(block.size(), own, tokens.ids);
      } else {
        const auto numbers = word_pieces.empty() ? word_pieces : word_pieces.subspan(done, block.size());
        blocks_.emit_with_places(text, block, numbers, done, own, tokens);
      }
    }
    own.cache.unpin();
  }

  bool wants_prefix(std::string_view raw, bool at_start) const {
    const RawText::Prefix prefix = tables_.prefix();
    if (prefix == RawText::Prefix::none || raw.empty()) return false;
    if (prefix == RawText::Prefix::always) return true;
    return raw[0] != ' ' && (at_start || prefix == RawText::Prefix::unless_there);
  }

  // Appends the ids of some pieces of a raw text from `pos` on; returns where to go on, or kNotRaw.
  size_t encode_raw_block(std::string_view text, size_t pos, BpeScratch& own, std::vector<int32_t>& ids) const {
    const JointCutter::Cut cut = tables_.cutter()->cut(text, pos, own.raw_pieces);
    if (cut.has_space_symbol) return kNotRaw;
    encode_raw_pieces(text, cut.pieces, own, ids);
    return pos;
  }

  void encode_raw_pieces(std::string_view text, std::span<const ByteRange> pieces, BpeScratch& own,
                         std::vector<int32_t>& ids) const {
    own.cache.pin();
    blocks_.find(text, pieces, own, nullptr);
    BpeBlocks::emit(pieces.size(), own, ids);
  }

  // The same for the first pieces of a raw text behind its prefix.
  size_t encode_start(std::string_view text, BpeScratch& own, std::vector<int32_t>& ids) const {
    for (size_t n = kStart;; n *= 8) {
      own.prefixed.assign(1, ' ').append(text.substr(0, n));
      // Pieces that end where the rest of the text may matter are none.
      const size_t n_unsure = n < text.size() ? tables_.cutter()->longest_whole() + 4 : 0;
      size_t pos = 0;
      const JointCutter::Cut cut = tables_.cutter()->cut(own.prefixed, pos, own.raw_pieces);
      if (cut.has_space_symbol) return kNotRaw;
      std::span<const ByteRange> pieces = cut.pieces;
      while (!pieces.empty() && pieces.back().end + n_unsure > own.prefixed.size()) {
        pieces = pieces.first(pieces.size() - 1);
      }
      if (pieces.empty()) continue;
      encode_raw_pieces(own.prefixed, pieces, own, ids);
      return pieces.back().end - 1;
    }
  }

  BpeTables tables_;
  BpeBlocks blocks_;
};

}  // namespace

std::unique_ptr<const PieceModel> make_bpe(const BpeVocab& vocab, const std::string& source) {
  check_bpe_vocab(vocab, source);
  return std::make_unique<Bpe>(vocab, source);
}

}  // namespace tidemill
