#include "text/sentencepiece/sentencepiece_units.h"

#include <algorithm>

#include "text/pieces/space_symbol.h"
#include "text/sentencepiece/piece_names.h"
#include "text/sentencepiece/piece_writer.h"
#include "text/sentencepiece/user_defined_symbols.h"
#include "text/unicode/code_points.h"

namespace tidemill {
namespace {

using Proto = SentencePieceProto;

// What the models share.
class SentencePieceUnits : public PieceModel {
 public:
  SentencePieceUnits(const Proto& proto, const std::string& source)
      : pieces_(proto), unknown_(find_unknown_piece(proto, source)) {}

  std::unique_ptr<Scratch> make_scratch() const override { return std::make_unique<Scratch>(); }

  void encode(std::string_view text, std::span<const ByteRange> pieces, Scratch&, PieceTokens tokens) const override {
    PieceWriter writer(unknown_, text, tokens);
    for (size_t k = 0; k < pieces.size(); ++k) {
      writer.begin_piece(k);
      encode_piece(text, pieces[k], writer);
    }
  }

  int32_t vocab_size() const override { return pieces_.size(); }
  std::string_view token_name(int32_t id) const override { return pieces_.name(id); }
  int32_t token_id(std::string_view name) const override { return pieces_.id(name); }

 protected:
  virtual void encode_piece(std::string_view text, ByteRange piece, PieceWriter& writer) const = 0;

  const PieceNames pieces_;

 private:
  UnknownPiece unknown_;
};

class Characters final : public SentencePieceUnits {
 public:
  Characters(const Proto& proto, const std::string& source)
      : SentencePieceUnits(proto, source), symbols_(user_defined_symbols(proto)) {}

 private:
  void encode_piece(std::string_view text, ByteRange piece, PieceWriter& writer) const override {
    symbols_.split(
        text, piece,
        [&](uint32_t begin, uint32_t end) {
          for (uint32_t pos = begin, next; pos < end; pos = next) {
            next = pos + static_cast<uint32_t>(utf8_size(text[pos]));
            writer.write(pieces_.encoded(text.substr(pos, next - pos)), pos, next);
          }
        },
        [&](int32_t id, uint32_t begin, uint32_t end) { writer.write(id, begin, end); });
  }

  UserDefinedSymbols symbols_;
};

// A word goes from one U+2581 to the next.
class Words final : public SentencePieceUnits {
 public:
  using SentencePieceUnits::SentencePieceUnits;

 private:
  void encode_piece(std::string_view text, ByteRange piece, PieceWriter& writer) const override {
    for (uint32_t pos = piece.begin, end; pos < piece.end; pos = end) {
      end = static_cast<uint32_t>(std::min<size_t>(text.find(kSpaceSymbol, pos + 1), piece.end));
      writer.write(pieces_.encoded(text.substr(pos, end - pos)), pos, end);
    }
  }
};

}  // namespace

std::unique_ptr<const PieceModel> make_sentencepiece_units(const SentencePieceProto& proto, const std::string& source) {
  if (proto.kind == Proto::Kind::character) return std::make_unique<Characters>(proto, source);
  return std::make_unique<Words>(proto, source);
}

}  // namespace tidemill
