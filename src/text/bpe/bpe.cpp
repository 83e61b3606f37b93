// How a block of pieces becomes ids: keys and hashes of all, then what the vocabulary knows, then what the cache knows,
// then the ids in one go.  Each step is a short loop whose memory was asked for by the step before, so that the waits
// for it overlap, and whose branches are foreseen.
#include "text/bpe/bpe.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <future>
#include <optional>
#include <utility>

#include "text/bpe/bpe_cuts.h"
#include "text/bpe/bpe_rules.h"
#include "text/bpe/bpe_scratch.h"
#include "text/bpe/bpe_symbols.h"
#include "text/bpe/bpe_whole_tokens.h"
#include "text/bpe/bpe_word.h"
#include "text/bpe/character_joints.h"
#include "text/bpe/joint_cutter.h"
#include "text/bpe/raw_name_key.h"
#include "text/pieces/known_pieces.h"
#include "text/pieces/token_table.h"
#include "text/reserved_ids.h"

namespace tidemill {
namespace {

// Of more rules the proof would take longer than it saves: what is not proven is merged once.  Where whole pieces are
// tokens it also allows to cut long ones.
constexpr size_t kMostProven = size_t{1} << 18;
constexpr size_t kMostProvenToCut = size_t{1} << 19;
// Unknown ones from this size on are cut before they are merged, where a text allows it.  Pieces that a pattern cut
// have seldom a place inside; words of a whole text end with what follows them.
constexpr size_t kCutPiecesFrom = 16;
constexpr size_t kCutWordsFrom = 6;
// How much of a text is copied to put a prefix before it, at first.
constexpr size_t kStart = 250;
// In place of a position: the raw text has to go through the stages.
constexpr size_t kNotRaw = ~size_t{0};

class Bpe final : public PieceModel {
 public:
  Bpe(const BpeVocab& vocab, const std::string& source)
      : Bpe(vocab, vocab.texts.empty() ? vocab.names : vocab.texts, source) {}

  std::unique_ptr<Scratch> make_scratch() const override { return std::make_unique<BpeScratch>(cache_bytes_); }

  bool shares_caches() const override { return true; }
  std::unique_ptr<Scratch> make_sharing_scratch(const Scratch& other) const override {
    return std::make_unique<BpeScratch>(&static_cast<const BpeScratch&>(other));
  }

  void encode(std::string_view text, std::span<const ByteRange> pieces, Scratch& scratch,
              PieceTokens tokens) const override {
    auto& own = static_cast<BpeScratch&>(scratch);
    if (!cuts_) return encode_words(text, pieces, {}, own, tokens);
    own.words.clear();
    own.word_pieces.clear();
    for (size_t k = 0; k < pieces.size(); ++k) {
      for (size_t pos = pieces[k].begin; pos < pieces[k].end;) {
        pos = cuts_->cut(text, pos, pieces[k].end, PieceBlock::kPieces - own.words.size(), own.words);
        if (tokens.pieces) own.word_pieces.resize(own.words.size(), static_cast<uint32_t>(k));
        if (own.words.size() == PieceBlock::kPieces) flush_words(text, own, tokens);
      }
    }
    flush_words(text, own, tokens);
  }

  bool reads_raw_text() const override { return cutter_ != nullptr; }
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

  int32_t vocab_size() const override { return names_.size(); }
  std::string_view token_name(int32_t id) const override { return names_[id]; }
  int32_t token_id(std::string_view name) const override { return name_index_.find(name); }

 private:
  Bpe(const BpeVocab& vocab, std::span<const std::string_view> texts, const std::string& source)
      : early_cuts_(begin_early<BpeCuts>(vocab, [texts] { return BpeCuts(texts); })),
        early_known_(begin_early<KnownPieces>(
            vocab, [&vocab, texts] { return known_pieces(texts, vocab, std::vector<bool>(texts.size())); })),
        names_(vocab.names),
        name_index_(names_, source, lists_pairs(vocab) ? nullptr : &hashes_),
        texts_(vocab.texts.empty() ? std::optional<Texts>() : std::optional<Texts>(std::in_place, texts, source)),
        symbols_(vocab, name_index_, source),
        rules_(lists_pairs(vocab) ? bpe_rules(vocab, name_index_, text_index(), source)
                                  : std::vector<BpePairs::Rule>()),
        pairs_(make_pairs(vocab)),
        byte_pairs_(pairs_.has_ties() ? std::vector<uint32_t>() : symbols_.plain_bytes(), pairs_),
        sizes_(symbols_.sizes(texts)),
        cuts_(make_cuts(texts, vocab)),
        whole_tokens_(find_whole(texts.size(), vocab.whole_pieces ? kMostProvenToCut : kMostProven)),
        byte_joints_(make_joints(texts, vocab)),
        joints_(cuts_          ? &cuts_->joints()
                : byte_joints_ ? &*byte_joints_
                               : nullptr),
        cut_from_(cuts_ ? kCutWordsFrom : kCutPiecesFrom),
        known_(make_known(texts, vocab)),
        cutter_(make_cutter(vocab)),
        prefix_(vocab.raw ? vocab.raw->prefix : RawText::Prefix::none),
        whole_pieces_(vocab.whole_pieces),
        cache_bytes_(vocab.cache_bytes) {
    std::vector<BpePairs::Rule>().swap(rules_);
    std::vector<uint64_t>().swap(hashes_);
    std::vector<bool>().swap(whole_tokens_);
  }

  // Tables of large vocabularies that are made on other threads, where there are any, while this one finds the pairs.
  template <typename Table, typename Make>
  static std::future<Table> begin_early(const BpeVocab& vocab, Make&& make) {
    return lists_pairs(vocab) || vocab.whole_pieces ? std::future<Table>() : std::async(std::forward<Make>(make));
  }

  // The texts of tokens, where they are not their names.
  struct Texts {
    Texts(std::span<const std::string_view> all, const std::string& source) : strings(all), index(strings, source) {}
    TokenStrings strings;
    TokenIndex index;
  };
  const TokenIndex& text_index() const { return texts_ ? texts_->index : name_index_; }

  static bool lists_pairs(const BpeVocab& vocab) {
    return vocab.order != BpeVocab::Order::scores || !vocab.texts.empty() || vocab.names.size() <= vocab.most_listed;
  }
  BpePairs make_pairs(const BpeVocab& vocab) const {
    if (lists_pairs(vocab)) return BpePairs(rules_);
    return BpePairs(name_index_, hashes_, concatenation_ranks(vocab));
  }

  // Which tokens their own bytes are proven to become.
  std::vector<bool> find_whole(size_t n_tokens, size_t most_rules) const {
    if (pairs_.has_ties() || rules_.empty() || rules_.size() > most_rules) return std::vector<bool>(n_tokens);
    std::vector<bool> whole = find_whole_tokens(n_tokens, symbols_.ids(), rules_, pairs_);
    for (const uint32_t id : symbols_.byte_token_ids()) whole[id] = false;  // "<0x41>" is no text of theirs
    return whole;
  }

  KnownPieces make_known(std::span<const std::string_view> texts, const BpeVocab& vocab) {
    if (early_known_.valid()) return early_known_.get();
    return known_pieces(texts, vocab, vocab.whole_pieces ? std::vector<bool>(texts.size(), true) : whole_tokens_);
  }
  // As raw texts spell them, where those are read.
  static KnownPieces known_pieces(std::span<const std::string_view> texts, const BpeVocab& vocab,
                                  const std::vector<bool>& confirmed) {
    if (!vocab.raw) return KnownPieces(texts, confirmed);
    KnownPieces known(texts, confirmed, raw_name_key);
    for (const RawText::Whole& whole : vocab.raw->wholes) {
      if (whole.text.size() > PieceKey::kLongest) continue;
      const PieceKey key = piece_key(whole.text);
      known.confirm(key, piece_hash(key), static_cast<uint32_t>(whole.id));
    }
    return known;
  }

  std::unique_ptr<const JointCutter> make_cutter(const BpeVocab& vocab) const {
    const bool reads_raw = vocab.raw && symbols_.read_spaces() && cuts_ && cuts_->joints().are_of_characters();
    return reads_raw ? std::make_unique<JointCutter>(cuts_->joints(), vocab.raw->wholes) : nullptr;
  }

  // A piece that is a whole text is cut into words; not where a token may be a piece without being made by merging.
  std::optional<BpeCuts> make_cuts(std::span<const std::string_view> texts, const BpeVocab& vocab) {
    if (vocab.byte_symbols || vocab.whole_pieces || !symbols_.are_local()) return {};
    if (early_cuts_.valid()) return early_cuts_.get();  // of all tokens, also the few that no merge makes
    std::vector<bool> is_made(texts.size()), is_byte(texts.size());
    for (const uint32_t id : symbols_.byte_token_ids()) is_byte[id] = true;
    for (const BpePairs::Rule& rule : rules_) {
      // The names of such tokens do not tell which characters they join.
      if (is_byte[rule.left] || is_byte[rule.right]) return {};
      is_made[rule.id] = true;
    }
    std::vector<std::string_view> made;
    for (size_t id = 0; id < texts.size(); ++id) {
      if (is_made[id]) made.push_back(texts[id]);
    }
    return BpeCuts(made);
  }

  // Where pieces that begin as their bytes can be cut.  Not where a token may be a piece without being made by merging:
  // its spelling may be part of a longer piece.
  std::optional<CharacterJoints> make_joints(std::span<const std::string_view> texts, const BpeVocab& vocab) const {
    if (byte_pairs_.empty()) return {};
    for (size_t id = 0; vocab.whole_pieces && id < texts.size(); ++id) {
      if (!whole_tokens_[id] && !texts[id].empty()) return {};
    }
    return CharacterJoints(texts, CharacterJoints::Ascii::joined);
  }

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
      find_block(text, block, own.block, own, joints_);
      if (!tokens.ranges && !tokens.pieces) {
        emit(block.size(), own.block, own, tokens.ids);
      } else {
        emit_with_places(
            text, block,
            [&](size_t k) { return word_pieces.empty() ? static_cast<uint32_t>(done + k) : word_pieces[done + k]; },
            own, tokens);
      }
    }
    own.cache.unpin();
  }

  bool wants_prefix(std::string_view raw, bool at_start) const {
    if (prefix_ == RawText::Prefix::none || raw.empty()) return false;
    if (prefix_ == RawText::Prefix::always) return true;
    return raw[0] != ' ' && (at_start || prefix_ == RawText::Prefix::unless_there);
  }

  // Appends the ids of some pieces of a raw text from `pos` on; returns where to go on, or kNotRaw.
  size_t encode_raw_block(std::string_view text, size_t pos, BpeScratch& own, std::vector<int32_t>& ids) const {
    const JointCutter::Cut cut = cutter_->cut(text, pos, own.raw_pieces);
    if (cut.has_space_symbol) return kNotRaw;
    encode_raw_pieces(text, cut.pieces, own, ids);
    return pos;
  }

  void encode_raw_pieces(std::string_view text, std::span<const ByteRange> pieces, BpeScratch& own,
                         std::vector<int32_t>& ids) const {
    own.cache.pin();
    find_block(text, pieces, own.block, own, nullptr);
    emit(pieces.size(), own.block, own, ids);
  }

  // The same for the first pieces of a raw text behind its prefix.
  size_t encode_start(std::string_view text, BpeScratch& own, std::vector<int32_t>& ids) const {
    for (size_t n = kStart;; n *= 8) {
      own.prefixed.assign(1, ' ').append(text.substr(0, n));
      // Pieces that end where the rest of the text may matter are none.
      const size_t n_unsure = n < text.size() ? cutter_->longest_whole() + 4 : 0;
      size_t pos = 0;
      const JointCutter::Cut cut = cutter_->cut(own.prefixed, pos, own.raw_pieces);
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

  // Leaves what the pieces become in `block`.  `joints`: by which unknown ones may be cut; or null.
  void find_block(std::string_view text, std::span<const ByteRange> pieces, BpeBlock& block, BpeScratch& own,
                  const CharacterJoints* joints) const {
    block.more_ids.clear();
    known_.find(text, pieces, block.pieces);
    const size_t n_missing = own.cache.find_quickly(block.pieces, block.found, block.missing);
    own.n_hits += static_cast<int64_t>(block.pieces.n_unknown - n_missing);
    for (size_t m = 0; m < n_missing; ++m) {
      const size_t k = block.pieces.unknown[block.missing[m]];
      if (block.pieces.keys[k].empty()) own.cache.prefetch_long(block.pieces.hashes[k]);
    }
    for (size_t m = 0; m < n_missing; ++m) {
      const size_t n = block.missing[m];
      find_unknown(text, pieces[block.pieces.unknown[n]], block.pieces.unknown[n], block, own, joints, block.found[n]);
    }
  }

  void find_unknown(std::string_view text, ByteRange range, size_t k, BpeBlock& block, BpeScratch& own,
                    const CharacterJoints* joints, PieceCache::Value& found) const {
    const std::string_view piece = text.substr(range.begin, range.end - range.begin);
    const PieceKey& key = block.pieces.keys[k];
    const uint64_t hash = block.pieces.hashes[k];
    if (key.empty() ? own.cache.find_long(piece, hash, found) : own.cache.find(key, hash, found)) {
      ++own.n_hits;
      return;
    }
    ++own.n_misses;
    const bool may_cut = joints && piece.size() >= cut_from_;
    const std::span<const int32_t> ids =
        may_cut && encode_parts(text, range, own) ? own.piece_ids : merged_ids(piece, own);
    if (ids.size() == 1 && !key.empty() && known_.confirm(key, hash, static_cast<uint32_t>(ids[0]))) {
      found = {{{static_cast<uint32_t>(ids[0])}}, 1};
    } else if (!own.cache.add(piece, key, hash, ids, found)) {
      found = {{{static_cast<uint32_t>(block.more_ids.size()), static_cast<uint32_t>(ids.size())}},
               PieceIds::kUncached};
      block.more_ids.insert(block.more_ids.end(), ids.begin(), ids.end());
    }
  }

  // The ids of a long piece, in own.piece_ids, by way of its parts, which are often known; false when it has but one.
  bool encode_parts(std::string_view text, ByteRange piece, BpeScratch& own) const {
    size_t end = joints_->next_cut(text, piece.begin, piece.end);
    if (end == piece.end) return false;
    own.piece_ids.clear();
    for (size_t begin = piece.begin; begin < piece.end;) {
      own.part_ranges.clear();
      while (begin < piece.end && own.part_ranges.size() < PieceBlock::kPieces) {
        own.part_ranges.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
        begin = end;
        if (begin < piece.end) end = joints_->next_cut(text, begin, piece.end);
      }
      find_block(text, own.part_ranges, own.parts, own, nullptr);
      emit(own.part_ranges.size(), own.parts, own, own.piece_ids);
    }
    return true;
  }

  std::span<const int32_t> merged_ids(std::string_view piece, BpeScratch& own) const {
    split(piece, own);
    own.word_ids.clear();
    for (const BpeWord::Symbol& symbol : own.word.symbols()) own.word_ids.push_back(static_cast<int32_t>(symbol.id));
    return own.word_ids;
  }

  // The known pieces between two unknown ones are ids in a row, and are copied as such.
  static void emit(size_t n_pieces, const BpeBlock& block, BpeScratch& own, std::vector<int32_t>& ids) {
    constexpr size_t kRow = 16;
    int32_t* out = own.out.data();
    size_t done = 0;
    const auto emit_known = [&](size_t end) {
      const size_t n = end - done;
      for (size_t k = 0; k < n; k += kRow) {
        std::memcpy(out + k, block.pieces.known.data() + done + k, kRow * sizeof(int32_t));
      }
      out += n;
      done = end + 1;
    };
    const auto flush = [&] {
      ids.insert(ids.end(), own.out.data(), out);
      out = own.out.data();
    };
    for (size_t n = 0; n < block.pieces.n_unknown; ++n) {
      emit_known(block.pieces.unknown[n]);
      const PieceCache::Value& found = block.found[n];
      if (found.n_ids <= PieceIds::kInline) [[likely]] {
        std::memcpy(out, found.ids.words.data(), sizeof(found.ids.words));
        out += found.n_ids;
        continue;
      }
      flush();
      const std::span<const int32_t> more = many_ids(found, block, own);
      ids.insert(ids.end(), more.begin(), more.end());
    }
    emit_known(n_pieces);
    flush();
  }

  // Leaves the tokens of `piece` in the scratch.
  void split(std::string_view piece, BpeScratch& own) const {
    const int32_t whole = whole_pieces_ ? text_index().find(piece) : cutter_ ? cutter_->whole(piece) : -1;
    if (whole >= 0) {
      own.word.clear();
      own.word.add(static_cast<uint32_t>(whole), static_cast<uint32_t>(piece.size()));
      return;
    }
    if (piece.size() <= BpeWord::kLongestShort && !byte_pairs_.empty()) {
      own.word.merge_bytes(piece, byte_pairs_, pairs_);
      return;
    }
    symbols_.start(piece, own.word);
    own.word.merge(pairs_);
  }

  // Of a piece with more ids than stand in the value.
  static std::span<const int32_t> many_ids(const PieceCache::Value& found, const BpeBlock& block,
                                           const BpeScratch& own) {
    if (found.n_ids == PieceIds::kCached) return own.cache.cached(found.ids);
    return std::span<const int32_t>(block.more_ids).subspan(found.ids.words[0], found.ids.words[1]);
  }

  template <typename PieceOf>
  void emit_with_places(std::string_view text, std::span<const ByteRange> pieces, const PieceOf& piece_of,
                        BpeScratch& own, PieceTokens tokens) const {
    const PieceBlock& block = own.block.pieces;
    size_t n = 0;  // unknown ones so far
    for (size_t k = 0; k < pieces.size(); ++k) {
      const size_t n_before = tokens.ids.size();
      if (n == block.n_unknown || block.unknown[n] != k) {
        tokens.ids.push_back(static_cast<int32_t>(block.known[k]));
      } else {
        const PieceCache::Value& found = own.block.found[n++];
        if (found.n_ids <= PieceIds::kInline) {
          for (size_t w = 0; w < found.n_ids; ++w) tokens.ids.push_back(static_cast<int32_t>(found.ids.words[w]));
        } else {
          const std::span<const int32_t> more = many_ids(found, own.block, own);
          tokens.ids.insert(tokens.ids.end(), more.begin(), more.end());
        }
      }
      const size_t n_ids = tokens.ids.size() - n_before;
      if (tokens.pieces) tokens.pieces->insert(tokens.pieces->end(), n_ids, piece_of(k));
      if (tokens.ranges) append_ranges(text, pieces[k], std::span(tokens.ids).subspan(n_before), own, *tokens.ranges);
    }
  }

  void append_ranges(std::string_view text, ByteRange piece, std::span<const int32_t> ids, BpeScratch& own,
                     std::vector<ByteRange>& ranges) const {
    const size_t n_before = ranges.size();
    uint32_t begin = piece.begin;
    const auto append = [&](uint32_t size) {
      const uint32_t end = std::min(begin + size, piece.end);
      ranges.push_back({begin, end});
      begin = end;
    };
    if (!sizes_.empty()) {
      for (const int32_t id : ids) append(sizes_[id]);
      // No size is too large, so that all are right when they fill the piece.
      if (begin == piece.end) return;
    }
    ranges.resize(n_before);
    begin = piece.begin;
    split(text.substr(piece.begin, piece.end - piece.begin), own);
    for (const BpeWord::Symbol& symbol : own.word.symbols()) append(symbol.size);
  }

  std::future<BpeCuts> early_cuts_;  // only while loading, as early_known_
  std::future<KnownPieces> early_known_;
  TokenStrings names_;
  std::vector<uint64_t> hashes_;  // of the names; only while loading
  TokenIndex name_index_;
  std::optional<Texts> texts_;
  BpeSymbols symbols_;
  std::vector<BpePairs::Rule> rules_;  // only while loading
  BpePairs pairs_;
  BpeBytePairs byte_pairs_;
  std::vector<uint32_t> sizes_;  // id -> bytes of a text, 0 where that depends; or empty
  std::optional<BpeCuts> cuts_;
  std::vector<bool> whole_tokens_;  // only while loading
  std::optional<CharacterJoints> byte_joints_;
  const CharacterJoints* joints_;  // or null
  size_t cut_from_;                // shorter words are merged whole
  KnownPieces known_;
  std::unique_ptr<const JointCutter> cutter_;  // of raw texts; null where they are not read
  RawText::Prefix prefix_;
  bool whole_pieces_;
  size_t cache_bytes_;
};

}  // namespace

std::unique_ptr<const PieceModel> make_bpe(const BpeVocab& vocab, const std::string& source) {
  check_bpe_vocab(vocab, source);
  return std::make_unique<Bpe>(vocab, source);
}

}  // namespace tidemill
