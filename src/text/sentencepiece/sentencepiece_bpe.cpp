#include "text/sentencepiece/sentencepiece_bpe.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "sys/beside.h"
#include "text/bpe/bpe.h"
#include "text/bpe/bpe_rules.h"
#include "text/bpe/bpe_word.h"
#include "text/pieces/byte_tokens.h"
#include "text/pieces/token_table.h"
#include "text/sentencepiece/known_characters.h"
#include "text/sentencepiece/piece_names.h"
#include "text/sentencepiece/piece_writer.h"
#include "text/sentencepiece/unused_pieces.h"
#include "text/sentencepiece/user_defined_symbols.h"
#include "text/unicode/code_points.h"

namespace tidemill {
namespace {

using Proto = SentencePieceProto;

constexpr size_t kLarge = size_t{1} << 16;  // pieces

bool is_merged(TokenType type) {
  return type == TokenType::normal || type == TokenType::user_defined || type == TokenType::unused;
}

// The characters that merging begins with.
KnownCharacters known_characters(const Proto& proto, const std::vector<UserDefinedSymbol>& user_defined) {
  KnownCharacters known;
  const auto add = [&](std::string_view name) {
    if (!name.empty() && utf8_size(name[0]) == name.size()) known.add(name);
  };
  for (const Proto::Piece& piece : proto.pieces) {
    if (is_merged(piece.type)) add(piece.text);
  }
  for (const UserDefinedSymbol& symbol : user_defined) add(symbol.text);
  return known;
}

// The characters of pieces that are no pieces themselves: merging passes through them all the same.  `names`: those of
// the pieces.
std::vector<char32_t> missing_characters(const Proto& proto, const TokenStrings& names,
                                         const std::vector<UserDefinedSymbol>& user_defined) {
  KnownCharacters known = known_characters(proto, user_defined);
  std::vector<char32_t> missing;
  for (const int32_t id : known.misspelled(names)) {
    const auto& [text, score, type] = proto.pieces[static_cast<size_t>(id)];
    if (type != TokenType::normal && type != TokenType::unused) continue;  // user-defined ones are found
    for (size_t pos = 0; pos < text.size();) {
      const size_t begin = pos;
      const char32_t c = next_code_point(text, pos);
      if (known.hold(c)) continue;
      known.add(text.substr(begin, pos - begin));
      missing.push_back(c);
    }
  }
  return missing;
}

// BPE between user-defined pieces.
class BpeBetweenSymbols final : public PieceModel {
 public:
  BpeBetweenSymbols(UserDefinedSymbols symbols, std::unique_ptr<const PieceModel> bpe)
      : symbols_(std::move(symbols)), bpe_(std::move(bpe)) {}

  std::unique_ptr<Scratch> make_scratch() const override { return bpe_->make_scratch(); }
  bool shares_caches() const override { return bpe_->shares_caches(); }
  std::unique_ptr<Scratch> make_sharing_scratch(const Scratch& other) const override {
    return bpe_->make_sharing_scratch(other);
  }

  bool reads_raw_text() const override { return bpe_->reads_raw_text(); }
  bool encode_raw(std::string_view text, bool at_start, Scratch& scratch, std::vector<int32_t>& ids) const override {
    return bpe_->encode_raw(text, at_start, scratch, ids);
  }

  void encode(std::string_view text, std::span<const ByteRange> pieces, Scratch& scratch,
              PieceTokens tokens) const override {
    for (size_t k = 0; k < pieces.size(); ++k) {
      const size_t n_before = tokens.ids.size();
      symbols_.split(
          text, pieces[k],
          [&](uint32_t begin, uint32_t end) {
            const ByteRange between{begin, end};
            bpe_->encode(text, {&between, 1}, scratch, {tokens.ids, tokens.ranges});
          },
          [&](int32_t id, uint32_t begin, uint32_t end) {
            tokens.ids.push_back(id);
            if (tokens.ranges) tokens.ranges->push_back({begin, end});
          });
      if (!tokens.pieces) continue;
      tokens.pieces->insert(tokens.pieces->end(), tokens.ids.size() - n_before, static_cast<uint32_t>(k));
    }
  }

  int32_t vocab_size() const override { return bpe_->vocab_size(); }
  std::string_view token_name(int32_t id) const override { return bpe_->token_name(id); }
  int32_t token_id(std::string_view name) const override { return bpe_->token_id(name); }

 private:
  UserDefinedSymbols symbols_;
  std::unique_ptr<const PieceModel> bpe_;
};

// The pieces that merging goes through, as far as they are normal, user-defined or unused, and characters of those that
// are no pieces, with ids above all others.
class MergedPieces {
 public:
  MergedPieces(const Proto& proto, const std::string& source)
      : n_pieces_(static_cast<uint32_t>(proto.pieces.size())),
        names_(merged_names(proto)),
        index_(names_, source),
        pairs_(rules(proto, source)) {}

  const BpePairs& pairs() const { return pairs_; }
  // What a character begins as, an id or no_piece().
  uint32_t symbol(std::string_view character) const {
    const int32_t id = index_.find(character);
    return id < 0 ? no_piece() : static_cast<uint32_t>(id);
  }
  // Two numbers that no pair has: of a character that is part of no piece, and of a user-defined piece.
  uint32_t no_piece() const { return static_cast<uint32_t>(names_.size()); }
  uint32_t user_defined() const { return no_piece() + 1; }
  bool is_piece(uint32_t id) const { return id < n_pieces_; }
  // Bytes of a symbol that is not one of those two.
  uint32_t size(uint32_t id) const { return static_cast<uint32_t>(names_[static_cast<int32_t>(id)].size()); }

 private:
  static TokenStrings merged_names(const Proto& proto) {
    HugeVector<std::string_view> names = names_of(proto);
    const std::vector<char32_t> missing = missing_characters(proto, TokenStrings(names), user_defined_symbols(proto));
    for (size_t id = 0; id < names.size(); ++id) {
      if (!is_merged(proto.pieces[id].type)) names[id] = {};
    }
    const std::vector<Utf8Character> characters(missing.begin(), missing.end());
    names.insert(names.end(), characters.begin(), characters.end());
    return TokenStrings(names);
  }

  std::vector<BpePairs::Rule> rules(const Proto& proto, const std::string& source) const {
    std::vector<std::string_view> names;
    std::vector<float> scores(static_cast<size_t>(names_.size()));
    for (int32_t id = 0; id < names_.size(); ++id) names.push_back(names_[id]);
    for (size_t id = 0; id < proto.pieces.size(); ++id) scores[id] = proto.pieces[id].score;
    const BpeVocab vocab{.names = names, .order = BpeVocab::Order::scores, .scores = scores};
    check_bpe_vocab(vocab, source);
    return bpe_rules(vocab, index_, index_, source);
  }

  uint32_t n_pieces_;
  TokenStrings names_;
  TokenIndex index_;
  BpePairs pairs_;
};

// BPE of any vocabulary, also of one whose merges pass through characters that are no pieces, or unused pieces.  What
// an unused piece is split into depends on all of the text before it, so that words cannot be taken one by one.
class AnyBpe final : public PieceModel {
 public:
  AnyBpe(const Proto& proto, UserDefinedSymbols symbols, const UnknownPiece& unknown, const std::string& source)
      : names_(proto), symbols_(std::move(symbols)), merged_(proto, source), unknown_(unknown) {
    for (size_t id = 0; id < proto.pieces.size(); ++id) {
      is_unused_.push_back(proto.pieces[id].type == TokenType::unused);
    }
  }

  std::unique_ptr<Scratch> make_scratch() const override { return std::make_unique<Working>(); }

  void encode(std::string_view text, std::span<const ByteRange> pieces, Scratch& scratch,
              PieceTokens tokens) const override {
    PieceWriter writer(unknown_, text, tokens);
    for (size_t k = 0; k < pieces.size(); ++k) {
      writer.begin_piece(k);
      encode_piece(text, pieces[k], static_cast<Working&>(scratch), writer);
    }
  }

  int32_t vocab_size() const override { return names_.size(); }
  std::string_view token_name(int32_t id) const override { return names_.name(id); }
  int32_t token_id(std::string_view name) const override { return names_.id(name); }

 private:
  struct Working : Scratch {
    BpeWord word;
    BpeWord::Parts parts;
    std::vector<int32_t> user_defined;  // ids, in the order of the text
    std::vector<uint32_t> unsplit;      // a stack
  };

  void encode_piece(std::string_view text, ByteRange piece, Working& own, PieceWriter& writer) const {
    own.word.clear();
    own.parts.clear();
    own.user_defined.clear();
    symbols_.split(
        text, piece,
        [&](uint32_t begin, uint32_t end) {
          for (uint32_t pos = begin, size = 0; pos < end; pos += size) {
            size = static_cast<uint32_t>(utf8_size(text[pos]));
            own.word.add(merged_.symbol(text.substr(pos, size)), size);
          }
        },
        [&](int32_t id, uint32_t begin, uint32_t end) {
          own.word.add(merged_.user_defined(), end - begin);
          own.user_defined.push_back(id);
        });
    own.word.merge(merged_.pairs(), own.parts);
    uint32_t pos = piece.begin;
    auto user_defined = own.user_defined.begin();
    for (const BpeWord::Symbol& symbol : own.word.symbols()) {
      if (symbol.id == merged_.user_defined()) {
        writer.write(*user_defined++, pos, pos + symbol.size);
      } else if (symbol.id == merged_.no_piece()) {
        writer.write(-1, pos, pos + symbol.size);
      } else {
        write_split(symbol.id, pos, own, writer);
      }
      pos += symbol.size;
    }
  }

  // Unused pieces fall back into the parts that they were last seen to be made of.
  void write_split(uint32_t symbol, uint32_t pos, Working& own, PieceWriter& writer) const {
    own.unsplit.assign(1, symbol);
    while (!own.unsplit.empty()) {
      const uint32_t id = own.unsplit.back();
      own.unsplit.pop_back();
      const bool is_unused = merged_.is_piece(id) && is_unused_[id];
      const auto parts = is_unused ? own.parts.find(id) : own.parts.end();
      if (parts != own.parts.end()) {
        own.unsplit.push_back(parts->second.second);
        own.unsplit.push_back(parts->second.first);
        continue;
      }
      const uint32_t end = pos + merged_.size(id);
      writer.write(merged_.is_piece(id) && !is_unused ? static_cast<int32_t>(id) : -1, pos, end);
      pos = end;
    }
  }

  PieceNames names_;
  UserDefinedSymbols symbols_;
  MergedPieces merged_;
  UnknownPiece unknown_;
  std::vector<bool> is_unused_;
};

// Of normal pieces, and of unused ones as if they were.
std::unique_ptr<const PieceModel> make_plain_bpe(const Proto& proto, std::shared_ptr<const TokenStrings> names,
                                                 const UnknownPiece& unknown, const RawText* raw,
                                                 const std::string& source) {
  std::vector<float> scores;
  std::vector<uint8_t> mergeable;
  scores.reserve(proto.pieces.size());
  mergeable.reserve(proto.pieces.size());
  for (const Proto::Piece& piece : proto.pieces) {
    scores.push_back(piece.score);
    mergeable.push_back(piece.type == TokenType::normal || piece.type == TokenType::unused);
  }
  return make_bpe({.name_strings = std::move(names),
                   .order = BpeVocab::Order::scores,
                   .scores = scores,
                   .mergeable = mergeable,
                   .byte_fallback = unknown.byte_ids[0] >= 0,
                   .fuse_unknown = true,
                   .unknown = unknown.id < 0 ? std::string_view() : proto.pieces[static_cast<size_t>(unknown.id)].text,
                   .raw = raw},
                  source);
}

// Some bytes but not all, or other names than usual.
bool has_odd_bytes(const Proto& proto, const UnknownPiece& unknown) {
  size_t n_usual = 0, n_bytes = 0;
  for (size_t byte = 0; byte < unknown.byte_ids.size(); ++byte) {
    const int32_t id = unknown.byte_ids[byte];
    if (id < 0) continue;
    ++n_bytes;
    n_usual += proto.pieces[static_cast<size_t>(id)].text == byte_token_name(byte) ? 1 : 0;
  }
  return n_bytes > 0 && n_usual < unknown.byte_ids.size();
}

}  // namespace

std::unique_ptr<const PieceModel> make_sentencepiece_bpe(const Proto& proto, std::shared_ptr<const TokenStrings> names,
                                                         const RawText* raw, const std::string& source) {
  const UnknownPiece unknown = find_unknown_piece(proto, source);
  const std::vector<UserDefinedSymbol> user_defined = user_defined_symbols(proto);
  UserDefinedSymbols symbols(user_defined);
  const bool has_unused = std::any_of(proto.pieces.begin(), proto.pieces.end(),
                                      [](const Proto::Piece& piece) { return piece.type == TokenType::unused; });
  const auto misses = [&] { return !missing_characters(proto, *names, user_defined).empty(); };
  // Of a large vocabulary the usual kind is made while another thread, where there is one, looks for the unusual.
  const bool is_large = proto.pieces.size() > kLarge;
  const bool odd_bytes = has_odd_bytes(proto, unknown);
  if (has_unused && raw && !odd_bytes && !misses()) {
    std::unique_ptr<const PieceModel> merging = make_plain_bpe(proto, names, unknown, raw, source);
    auto exact = std::make_unique<AnyBpe>(proto, std::move(symbols), unknown, source);
    if (!merging->reads_raw_text()) return exact;
    return make_bpe_with_unused(proto, std::move(merging), std::move(exact));
  }
  if (has_unused || odd_bytes || (!is_large && misses())) {
    return std::make_unique<AnyBpe>(proto, std::move(symbols), unknown, source);
  }
  auto found = is_large ? Beside<bool>(3, misses) : Beside<bool>();
  std::unique_ptr<const PieceModel> bpe = make_plain_bpe(proto, names, unknown, raw, source);
  if (is_large && found.get()) return std::make_unique<AnyBpe>(proto, std::move(symbols), unknown, source);
  if (symbols.empty()) return bpe;
  return std::make_unique<BpeBetweenSymbols>(std::move(symbols), std::move(bpe));
}

}  // namespace tidemill
