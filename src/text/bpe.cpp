// How a block of pieces becomes ids: keys and hashes of all, then what the vocabulary knows, then what the cache knows,
// then the ids in one go.  Each step is a short loop whose memory was asked for by the step before, so that the waits
// for it overlap, and whose branches are foreseen.
#include "text/bpe.h"

#include <algorithm>
#include <array>

#include "text/bpe_rules.h"
#include "text/bpe_symbols.h"
#include "text/bpe_word.h"
#include "text/known_pieces.h"
#include "text/piece_cache.h"
#include "text/token_table.h"

namespace tidemill {
namespace {

constexpr size_t kBlock = 256;  // pieces; what is kept of them fits the first-level cache

class BpeScratch final : public PieceModel::Scratch {
 public:
  explicit BpeScratch(size_t cache_bytes) { cache.limit(cache_bytes); }
  void limit_cache(size_t n_bytes) override { cache.limit(n_bytes); }
  CacheStatistics cache_statistics() const override {
    return {.hits = n_hits, .misses = n_misses, .bytes = static_cast<int64_t>(cache.bytes())};
  }

  std::array<PieceKey, kBlock> keys;
  std::array<uint64_t, kBlock> hashes;
  std::array<PieceIds, kBlock> ids;
  std::array<uint16_t, kBlock> unknown;  // which pieces of the block the vocabulary does not know
  std::vector<int32_t> more_ids;         // of pieces with more than fit and that are not cached
  std::vector<int32_t> piece_ids;
  BpeWord word;
  PieceCache cache;
  int64_t n_hits = 0, n_misses = 0;
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
        known_(vocab.texts.empty() ? vocab.names : vocab.texts, vocab.whole_pieces),
        whole_pieces_(vocab.whole_pieces),
        cache_bytes_(vocab.cache_bytes) {}

  std::unique_ptr<Scratch> make_scratch() const override { return std::make_unique<BpeScratch>(cache_bytes_); }

  void encode(std::string_view text, std::span<const ByteRange> pieces, Scratch& scratch,
              PieceTokens tokens) const override {
    auto& own = static_cast<BpeScratch&>(scratch);
    if (tokens.ranges || tokens.pieces) return encode_with_places(text, pieces, own, tokens);
    for (size_t done = 0; done < pieces.size(); done += kBlock) {
      encode_block(text, pieces.subspan(done, std::min(kBlock, pieces.size() - done)), own, tokens.ids);
    }
  }

  int32_t vocab_size() const override { return names_.size(); }
  std::string_view token_name(int32_t id) const override { return names_[id]; }
  int32_t token_id(std::string_view name) const override { return name_index_.find(name); }

 private:
  void encode_block(std::string_view text, std::span<const ByteRange> pieces, BpeScratch& own,
                    std::vector<int32_t>& ids) const {
    own.more_ids.clear();
    own.cache.make_room(pieces.size());
    load_keys(text, pieces, own);
    const size_t n_unknown = find_known(pieces.size(), own);
    for (size_t k = 0; k < n_unknown; ++k) own.cache.prefetch(own.hashes[own.unknown[k]]);
    for (size_t k = 0; k < n_unknown; ++k) {
      const ByteRange piece = pieces[own.unknown[k]];
      find_unknown(text.substr(piece.begin, piece.end - piece.begin), own.unknown[k], own);
    }
    emit(pieces.size(), own, ids);
  }

  void load_keys(std::string_view text, std::span<const ByteRange> pieces, BpeScratch& own) const {
    // Loads of 16 bytes must not pass the end of the text.
    const size_t last = text.size() < PieceKey::kReads ? 0 : text.size() - PieceKey::kReads + 1;
    for (size_t k = 0; k < pieces.size(); ++k) {
      const ByteRange piece = pieces[k];
      const size_t size = piece.end - piece.begin;
      const PieceKey key = piece.begin < last ? PieceKey::load(text.data() + piece.begin, size)
                                              : PieceKey::of(text.substr(piece.begin, size));
      const uint64_t hash = key.hash();
      known_.prefetch(hash);
      own.keys[k] = key;
      own.hashes[k] = hash;
    }
  }

  // Returns how many pieces the vocabulary does not know.
  size_t find_known(size_t n_pieces, BpeScratch& own) const {
    size_t n_unknown = 0;
    for (size_t k = 0; k < n_pieces; ++k) {
      const uint32_t found = known_.find(own.keys[k], own.hashes[k]);
      own.ids[k].words[0] = found;
      own.unknown[n_unknown] = static_cast<uint16_t>(k);
      n_unknown += found == 0;
    }
    return n_unknown;
  }

  void find_unknown(std::string_view piece, size_t k, BpeScratch& own) const {
    const PieceKey key = own.keys[k];
    uint64_t hash = own.hashes[k];
    const PieceIds* cached;
    if (key.empty()) {
      hash = hash_long_piece(piece);
      cached = own.cache.find_long(piece, hash);
    } else {
      cached = own.cache.find(key, hash);
    }
    if (cached) {
      own.ids[k] = *cached;
      ++own.n_hits;
      return;
    }
    ++own.n_misses;
    split(piece, own);
    own.piece_ids.clear();
    for (const BpeWord::Symbol& symbol : own.word.symbols()) own.piece_ids.push_back(static_cast<int32_t>(symbol.id));
    if (own.piece_ids.size() == 1 && !key.empty() &&
        known_.confirm(key, hash, static_cast<uint32_t>(own.piece_ids[0]))) {
      own.ids[k].words[0] = static_cast<uint32_t>(own.piece_ids[0]) | KnownPieces::kOne;
    } else if (!own.cache.add(piece, key, hash, own.piece_ids, own.ids[k])) {
      keep(own.piece_ids, own.ids[k], own);
    }
  }

  // The ids of a piece that is not cached.
  static void keep(std::span<const int32_t> ids, PieceIds& kept, BpeScratch& own) {
    kept.words = {PieceIds::kUncached << 24, static_cast<uint32_t>(own.more_ids.size()),
                  static_cast<uint32_t>(ids.size()), 0};
    own.more_ids.insert(own.more_ids.end(), ids.begin(), ids.end());
  }

  static void emit(size_t n_pieces, const BpeScratch& own, std::vector<int32_t>& ids) {
    size_t n_ids = 0;
    for (size_t k = 0; k < n_pieces; ++k) {
      const PieceIds& piece = own.ids[k];
      n_ids += piece.tag() <= PieceIds::kInline ? piece.tag() : piece.words[2];
    }
    const size_t n_before = ids.size();
    ids.resize(n_before + n_ids + PieceIds::kInline);
    int32_t* out = ids.data() + n_before;
    for (size_t k = 0; k < n_pieces; ++k) {
      const PieceIds& piece = own.ids[k];
      const uint32_t tag = piece.tag();
      if (tag <= PieceIds::kInline) [[likely]] {
        const std::array<uint32_t, 4> words = {piece.words[0] & PieceIds::kIdMask, piece.words[1], piece.words[2],
                                               piece.words[3]};
        std::memcpy(out, words.data(), sizeof(words));
        out += tag;
      } else {
        const std::span<const int32_t> more = tag == PieceIds::kElsewhere
                                                  ? own.cache.elsewhere(piece)
                                                  : std::span(own.more_ids).subspan(piece.words[1], piece.words[2]);
        out = std::copy(more.begin(), more.end(), out);
      }
    }
    ids.resize(n_before + n_ids);
  }

  // Leaves the tokens of `piece` in the scratch.
  void split(std::string_view piece, BpeScratch& own) const {
    const int32_t whole = whole_pieces_ ? text_index_.find(piece) : -1;
    if (whole >= 0) {
      own.word.clear();
      own.word.add(static_cast<uint32_t>(whole), static_cast<uint32_t>(piece.size()));
      return;
    }
    symbols_.start(piece, own.word);
    own.word.merge(pairs_);
  }

  void encode_with_places(std::string_view text, std::span<const ByteRange> pieces, BpeScratch& own,
                          PieceTokens tokens) const {
    for (size_t k = 0; k < pieces.size(); ++k) {
      const ByteRange piece = pieces[k];
      split(text.substr(piece.begin, piece.end - piece.begin), own);
      uint32_t begin = piece.begin;
      for (const BpeWord::Symbol& symbol : own.word.symbols()) {
        const uint32_t end = std::min(begin + symbol.size, piece.end);
        tokens.ids.push_back(static_cast<int32_t>(symbol.id));
        if (tokens.ranges) tokens.ranges->push_back({begin, end});
        if (tokens.pieces) tokens.pieces->push_back(static_cast<uint32_t>(k));
        begin = end;
      }
    }
  }

  TokenStrings names_, texts_;
  TokenIndex name_index_, text_index_;
  BpePairs pairs_;
  BpeSymbols symbols_;
  KnownPieces known_;
  bool whole_pieces_;
  size_t cache_bytes_;
};

}  // namespace

std::unique_ptr<const PieceModel> make_bpe(const BpeVocab& vocab, const std::string& source) {
  check_bpe_vocab(vocab, source);
  return std::make_unique<Bpe>(vocab, source);
}

}  // namespace tidemill
