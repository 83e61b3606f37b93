#include "text/sentencepiece/piece_names.h"

namespace tidemill {
namespace {

std::vector<ByteTrie::Entry> entries(const SentencePieceProto& proto, bool found_in_text) {
  std::vector<ByteTrie::Entry> found;
  for (size_t id = 0; id < proto.pieces.size(); ++id) {
    const SentencePieceProto::Piece& piece = proto.pieces[id];
    const bool in_text = piece.type == TokenType::normal || piece.type == TokenType::user_defined;
    if (in_text == found_in_text && !piece.text.empty()) found.push_back({piece.text, static_cast<int32_t>(id)});
  }
  return found;
}

}  // namespace

HugeVector<std::string_view> names_of(const SentencePieceProto& proto) {
  HugeVector<std::string_view> names;
  names.reserve(proto.pieces.size());
  for (const SentencePieceProto::Piece& piece : proto.pieces) names.push_back(piece.text);
  return names;
}

PieceNames::PieceNames(const SentencePieceProto& proto)
    : names_(names_of(proto)), found_(entries(proto, true)), others_(entries(proto, false)) {}

}  // namespace tidemill
