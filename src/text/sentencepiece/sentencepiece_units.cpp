#include "text/sentencepiece/sentencepiece_units.h"

#include <algorithm>
#include <array>
#include <utility>

#include "text/bpe/bpe.h"
#include "text/bpe/bpe_merger.h"
#include "text/bpe/spm_encoder.h"
#include "text/pieces/byte_tokens.h"
#include "text/pieces/byte_trie.h"
#include "text/pieces/token_table.h"
#include "text/unicode/code_points.h"

namespace tidemill {
namespace {

using Proto = SentencePieceProto;

// The pieces of a file by id and by name.
class Pieces {
 public:
  explicit Pieces(const Proto& proto)
      : names_(names_of(proto)),
        found_(entries(proto, [](TokenType type) { return is_found(type); })),
        others_(entries(proto, [](TokenType type) { return !is_found(type); })),
        user_defined_(entries(proto, [](TokenType type) { return type == TokenType::user_defined; })),
        unknown_(static_cast<int32_t>(proto.unknown)) {
    if (!proto.byte_fallback) return;
    for (size_t byte = 0; byte < byte_ids_.size(); ++byte) byte_ids_[byte] = id(byte_token_name(byte));
  }

  int32_t size() const { return names_.size(); }
  std::string_view name(int32_t id) const { return names_[id]; }
  // -1: none.  A name that is both special and found in a text is the special one.
  int32_t id(std::string_view name) const {
    const int32_t other = others_.find(name);
    return other >= 0 ? other : found_.find(name);
  }
  // The piece that a part of a text becomes; -1: unknown.
  int32_t encoded(std::string_view part) const { return found_.find(part); }
  int32_t unknown() const { return unknown_; }
  int32_t byte_id(char byte) const { return byte_ids_[static_cast<uint8_t>(byte)]; }
  bool has_bytes() const { return byte_ids_[0] >= 0; }

  // Bytes of the longest user-defined piece that `text` begins with; 0: none.
  size_t user_defined_prefix(std::string_view text) const {
    ByteTrie::Node node = ByteTrie::kRoot;
    size_t longest = 0;
    for (size_t pos = 0; pos < text.size() && user_defined_.step(node, static_cast<uint8_t>(text[pos]));) {
      ++pos;
      if (user_defined_.value(node) >= 0) longest = pos;
    }
    return longest;
  }

  static std::vector<std::string_view> names_of(const Proto& proto) {
    std::vector<std::string_view> names;
    for (const Proto::Piece& piece : proto.pieces) names.push_back(piece.text);
    return names;
  }
  static bool is_found(TokenType type) { return type == TokenType::normal || type == TokenType::user_defined; }

 private:
  template <typename Wanted>
  static std::vector<ByteTrie::Entry> entries(const Proto& proto, Wanted&& wanted) {
    std::vector<ByteTrie::Entry> found;
    for (size_t id = 0; id < proto.pieces.size(); ++id) {
      const Proto::Piece& piece = proto.pieces[id];
      if (wanted(piece.type)) found.push_back({piece.text, static_cast<int32_t>(id)});
    }
    return found;
  }

  TokenStrings names_;
  ByteTrie found_, others_, user_defined_;
  int32_t unknown_;
  std::array<int32_t, 256> byte_ids_ = no_byte_ids();
};

// Writes the tokens of one call; what is unknown becomes bytes, or one token with its neighbours.
class Writer {
 public:
  Writer(const Pieces& pieces, std::string_view text, PieceTokens& tokens)
      : pieces_(pieces), text_(text), tokens_(tokens) {}

  void begin_piece(size_t k) {
    piece_ = static_cast<uint32_t>(k);
    after_unknown_ = false;
  }

  // id -1: unknown.
  void write(int32_t id, uint32_t begin, uint32_t end) {
    const bool unknown = id < 0 || id == pieces_.unknown();
    if (!unknown) {
      push(id, begin, end);
    } else if (pieces_.has_bytes()) {
      // The last byte stands for all of them, and the others for no more than where they begin.
      for (uint32_t pos = begin; pos + 1 < end; ++pos) push(pieces_.byte_id(text_[pos]), begin, begin + 1);
      push(pieces_.byte_id(text_[end - 1]), begin, end);
    } else if (!after_unknown_) {
      push(pieces_.unknown(), begin, end);
    } else if (tokens_.ranges) {
      tokens_.ranges->back().end = end;
    }
    after_unknown_ = unknown;
  }

 private:
  void push(int32_t id, uint32_t begin, uint32_t end) {
    tokens_.ids.push_back(id);
    if (tokens_.ranges) tokens_.ranges->push_back({begin, end});
    if (tokens_.pieces) tokens_.pieces->push_back(piece_);
  }

  const Pieces& pieces_;
  std::string_view text_;
  PieceTokens& tokens_;
  uint32_t piece_ = 0;
  bool after_unknown_ = false;
};

// What the models share.
class SentencePieceUnits : public PieceModel {
 public:
  explicit SentencePieceUnits(const Proto& proto) : pieces_(proto) {}

  std::unique_ptr<Scratch> make_scratch() const override { return std::make_unique<Scratch>(); }

  void encode(std::string_view text, std::span<const ByteRange> pieces, Scratch& scratch,
              PieceTokens tokens) const override {
    Writer writer(pieces_, text, tokens);
    for (size_t k = 0; k < pieces.size(); ++k) {
      writer.begin_piece(k);
      encode_piece(text, pieces[k], scratch, writer);
    }
  }

  int32_t vocab_size() const override { return pieces_.size(); }
  std::string_view token_name(int32_t id) const override { return pieces_.name(id); }
  int32_t token_id(std::string_view name) const override { return pieces_.id(name); }

 protected:
  virtual void encode_piece(std::string_view text, ByteRange piece, Scratch& scratch, Writer& writer) const = 0;

  const Pieces pieces_;
};

class Characters final : public SentencePieceUnits {
 public:
  using SentencePieceUnits::SentencePieceUnits;

 private:
  void encode_piece(std::string_view text, ByteRange piece, Scratch&, Writer& writer) const override {
    for (uint32_t pos = piece.begin, end; pos < piece.end; pos = end) {
      const size_t symbol = pieces_.user_defined_prefix(text.substr(pos, piece.end - pos));
      end = pos + static_cast<uint32_t>(symbol > 0 ? symbol : utf8_size(text[pos]));
      writer.write(pieces_.encoded(text.substr(pos, end - pos)), pos, end);
    }
  }
};

// A word goes from one U+2581 to the next.
class Words final : public SentencePieceUnits {
 public:
  using SentencePieceUnits::SentencePieceUnits;

 private:
  void encode_piece(std::string_view text, ByteRange piece, Scratch&, Writer& writer) const override {
    for (uint32_t pos = piece.begin, end; pos < piece.end; pos = end) {
      end = static_cast<uint32_t>(std::min<size_t>(text.find(kSpaceSymbol, pos + 1), piece.end));
      writer.write(pieces_.encoded(text.substr(pos, end - pos)), pos, end);
    }
  }
};

// BPE of any vocabulary, also of one whose merges pass through characters that are no pieces, or unused pieces.
class AnyBpe final : public SentencePieceUnits {
 public:
  AnyBpe(const Proto& proto, const std::string& source)
      : SentencePieceUnits(proto),
        merged_names_(merged_names(proto)),
        index_(merged_names_, source),
        merger_(index_, scores(proto), roles(proto)) {}

  std::unique_ptr<Scratch> make_scratch() const override { return std::make_unique<BpeScratch>(); }

 private:
  struct BpeScratch : Scratch {
    BpeMerger::Scratch merger;
  };

  static bool is_merged(TokenType type) { return Pieces::is_found(type) || type == TokenType::unused; }
  static TokenStrings merged_names(const Proto& proto) {
    std::vector<std::string_view> names = Pieces::names_of(proto);
    for (size_t id = 0; id < names.size(); ++id) {
      if (!is_merged(proto.pieces[id].type)) names[id] = {};
    }
    return TokenStrings(names);
  }
  static std::vector<float> scores(const Proto& proto) {
    std::vector<float> found;
    for (const Proto::Piece& piece : proto.pieces) found.push_back(piece.score);
    return found;
  }
  static std::vector<BpeMerger::Role> roles(const Proto& proto) {
    std::vector<BpeMerger::Role> found;
    for (const Proto::Piece& piece : proto.pieces) {
      found.push_back(piece.type == TokenType::unused ? BpeMerger::Role::resplit
                      : Pieces::is_found(piece.type)  ? BpeMerger::Role::piece
                                                      : BpeMerger::Role::none);
    }
    return found;
  }

  void encode_piece(std::string_view text, ByteRange piece, Scratch& scratch, Writer& writer) const override {
    const std::string_view bytes = text.substr(0, piece.end);
    uint32_t begin = piece.begin;  // of what is not written yet
    for (uint32_t pos = begin; pos < piece.end;) {
      const auto symbol = static_cast<uint32_t>(pieces_.user_defined_prefix(bytes.substr(pos)));
      if (symbol > 0) {
        merge(text, begin, pos, scratch, writer);
        writer.write(pieces_.id(text.substr(pos, symbol)), pos, pos + symbol);
        begin = pos + symbol;
      }
      pos += symbol > 0 ? symbol : static_cast<uint32_t>(utf8_size(text[pos]));
    }
    merge(text, begin, piece.end, scratch, writer);
  }

  void merge(std::string_view text, uint32_t begin, uint32_t end, Scratch& scratch, Writer& writer) const {
    auto& own = static_cast<BpeScratch&>(scratch);
    for (const BpeMerger::Piece& piece : merger_.merge(text.substr(begin, end - begin), own.merger)) {
      const std::string_view merged = text.substr(begin + piece.begin, piece.end - piece.begin);
      writer.write(pieces_.encoded(merged), begin + piece.begin, begin + piece.end);
    }
  }

  TokenStrings merged_names_;
  TokenIndex index_;
  BpeMerger merger_;
};

// BPE between user-defined pieces.
class BpeBetweenSymbols final : public PieceModel {
 public:
  BpeBetweenSymbols(const Proto& proto, std::unique_ptr<const PieceModel> bpe) : pieces_(proto), bpe_(std::move(bpe)) {}

  std::unique_ptr<Scratch> make_scratch() const override { return bpe_->make_scratch(); }

  void encode(std::string_view text, std::span<const ByteRange> pieces, Scratch& scratch,
              PieceTokens tokens) const override {
    for (size_t k = 0; k < pieces.size(); ++k) {
      const size_t n_before = tokens.ids.size();
      encode_piece(text, pieces[k], scratch, tokens);
      if (!tokens.pieces) continue;
      tokens.pieces->insert(tokens.pieces->end(), tokens.ids.size() - n_before, static_cast<uint32_t>(k));
    }
  }

  int32_t vocab_size() const override { return pieces_.size(); }
  std::string_view token_name(int32_t id) const override { return pieces_.name(id); }
  int32_t token_id(std::string_view name) const override { return pieces_.id(name); }

 private:
  void encode_piece(std::string_view text, ByteRange piece, Scratch& scratch, const PieceTokens& tokens) const {
    const auto merge = [&](uint32_t begin, uint32_t end) {
      const ByteRange between{begin, end};
      if (begin < end) bpe_->encode(text, {&between, 1}, scratch, {tokens.ids, tokens.ranges});
    };
    uint32_t begin = piece.begin;  // of what is not encoded yet
    for (uint32_t pos = begin; pos < piece.end;) {
      const auto symbol = static_cast<uint32_t>(pieces_.user_defined_prefix(text.substr(pos, piece.end - pos)));
      if (symbol > 0) {
        merge(begin, pos);
        begin = pos + symbol;
        tokens.ids.push_back(pieces_.encoded(text.substr(pos, symbol)));
        if (tokens.ranges) tokens.ranges->push_back({pos, begin});
      }
      pos += symbol > 0 ? symbol : static_cast<uint32_t>(utf8_size(text[pos]));
    }
    merge(begin, piece.end);
  }

  Pieces pieces_;
  std::unique_ptr<const PieceModel> bpe_;
};

// True when merging only goes through normal pieces.  Characters that are user-defined pieces never come to merging.
bool is_plain_bpe(const Proto& proto, const Pieces& pieces) {
  const auto is_found = [&](int32_t id) { return id >= 0 && Pieces::is_found(proto.pieces[id].type); };
  for (const Proto::Piece& piece : proto.pieces) {
    if (piece.type == TokenType::unused) return false;
    if (piece.type != TokenType::normal) continue;
    for (size_t pos = 0; pos < piece.text.size(); pos += utf8_size(piece.text[pos])) {
      if (!is_found(pieces.id(piece.text.substr(pos, utf8_size(piece.text[pos]))))) return false;
    }
  }
  return true;
}

std::unique_ptr<const PieceModel> make_plain_bpe(const Proto& proto, const std::string& source) {
  const std::vector<std::string_view> names = Pieces::names_of(proto);
  std::vector<float> scores;
  std::vector<uint8_t> mergeable;
  for (const Proto::Piece& piece : proto.pieces) {
    scores.push_back(piece.score);
    mergeable.push_back(piece.type == TokenType::normal);
  }
  return make_bpe({.names = names,
                   .order = BpeVocab::Order::scores,
                   .scores = scores,
                   .mergeable = mergeable,
                   .byte_fallback = proto.byte_fallback,
                   .fuse_unknown = true,
                   .unknown = names[proto.unknown]},
                  source);
}

}  // namespace

std::unique_ptr<const PieceModel> make_sentencepiece_units(const SentencePieceProto& proto, const std::string& source) {
  if (proto.kind == Proto::Kind::character) return std::make_unique<Characters>(proto);
  if (proto.kind == Proto::Kind::word) return std::make_unique<Words>(proto);
  if (!is_plain_bpe(proto, Pieces(proto))) return std::make_unique<AnyBpe>(proto, source);
  std::unique_ptr<const PieceModel> bpe = make_plain_bpe(proto, source);
  const bool has_symbols = std::any_of(proto.pieces.begin(), proto.pieces.end(),
                                       [](const Proto::Piece& piece) { return piece.type == TokenType::user_defined; });
  if (!has_symbols) return bpe;
  return std::make_unique<BpeBetweenSymbols>(proto, std::move(bpe));
}

}  // namespace tidemill
