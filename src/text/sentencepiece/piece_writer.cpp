#include "text/sentencepiece/piece_writer.h"

#include "text/pieces/byte_tokens.h"
#include "tidemill/error.h"

namespace tidemill {

UnknownPiece find_unknown_piece(const SentencePieceProto& proto, const std::string& source) {
  UnknownPiece unknown{.id = proto.unknown, .byte_ids = no_byte_ids()};
  size_t n_bytes = 0;
  const auto fail = [&](const std::string& why) {
    throw Error(ErrorCode::bad_file, source + ": " + why + "; get the file again from where it was published");
  };
  for (size_t id = 0; id < proto.pieces.size(); ++id) {
    if (proto.pieces[id].type != TokenType::byte) continue;
    const std::string label = "token " + std::to_string(id) + " '" + std::string(proto.pieces[id].text) + "'";
    const std::optional<uint8_t> byte = byte_of_token(proto.pieces[id].text);
    if (!byte) fail(label + " is a byte token, but not <0x00> to <0xFF>");
    if (unknown.byte_ids[*byte] >= 0) fail(label + " is a second token of that byte");
    unknown.byte_ids[*byte] = static_cast<int32_t>(id);
    ++n_bytes;
  }
  if (n_bytes < 256 && unknown.id < 0) {
    fail("there is no unknown token and only " + std::to_string(n_bytes) + " of 256 byte tokens");
  }
  return unknown;
}

}  // namespace tidemill
