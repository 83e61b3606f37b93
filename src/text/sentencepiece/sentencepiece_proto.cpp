#include "text/sentencepiece/sentencepiece_proto.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>

#include "sys/protobuf_reader.h"
#include "text/pieces/byte_tokens.h"
#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using Proto = SentencePieceProto;

constexpr size_t kMaxPieces = size_t{1} << 24;

[[noreturn]] void bad_model(const std::string& source, const std::string& why) {
  throw Error(ErrorCode::bad_file, source + ": " + why + "; get the file again from where it was published");
}

std::string label(size_t id) {
  return "pieces[" + std::to_string(id) + "]";
}

Proto::Piece read_piece(ProtobufReader reader) {
  Proto::Piece piece;
  while (reader.next()) {
    switch (reader.field()) {
      case 1:
        piece.text = reader.bytes("piece");
        break;
      case 2:
        piece.score = reader.float32("score");
        break;
      case 3: {
        // A number that is no type counts as not said, as in all of Protocol Buffers.
        const uint64_t type = reader.varint("type");
        if (1 <= type && type <= 6) piece.type = static_cast<TokenType>(type);
        break;
      }
      default:
        reader.skip();
    }
  }
  if (piece.text.empty()) reader.fail("piece", "it is empty");
  if (!is_utf8(piece.text)) reader.fail("piece", "it is not UTF-8");
  if (std::isnan(piece.score)) reader.fail("score", "it is not a number");
  return piece;
}

void read_trainer_spec(ProtobufReader reader, Proto& proto) {
  const auto read_name = [&](const char* field, std::string_view& name) {
    if (const std::string_view value = reader.bytes(field); !value.empty()) name = value;
  };
  while (reader.next()) {
    switch (reader.field()) {
      case 3: {
        const uint64_t kind = reader.varint("model_type");
        if (1 <= kind && kind <= 4) proto.kind = static_cast<Proto::Kind>(kind);
        break;
      }
      case 24:
        proto.treat_whitespace_as_suffix = reader.boolean("treat_whitespace_as_suffix");
        break;
      case 35:
        proto.byte_fallback = reader.boolean("byte_fallback");
        break;
      case 44:
        proto.unknown_surface = reader.bytes("unk_surface");
        break;
      case 46:
        read_name("bos_piece", proto.bos_piece);
        break;
      case 47:
        read_name("eos_piece", proto.eos_piece);
        break;
      default:
        reader.skip();
    }
  }
  if (!is_utf8(proto.unknown_surface)) reader.fail("unk_surface", "it is not UTF-8");
}

void read_normalizer_spec(ProtobufReader reader, SentencePieceNormalizerSpec& spec) {
  while (reader.next()) {
    switch (reader.field()) {
      case 2:
        spec.charsmap = reader.bytes("precompiled_charsmap");
        break;
      case 3:
        spec.add_dummy_prefix = reader.boolean("add_dummy_prefix");
        break;
      case 4:
        spec.remove_extra_whitespaces = reader.boolean("remove_extra_whitespaces");
        break;
      case 5:
        spec.escape_whitespaces = reader.boolean("escape_whitespaces");
        break;
      default:
        reader.skip();
    }
  }
}

bool is_found_in_text(TokenType type) {
  return type == TokenType::normal || type == TokenType::user_defined || type == TokenType::unused;
}

// A name may be taken twice only if one of the pieces is never looked up in a text.
void check_unique(const Proto& proto, const std::string& source) {
  std::vector<size_t> order(proto.pieces.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto key = [&](size_t id) { return std::pair(proto.pieces[id].text, is_found_in_text(proto.pieces[id].type)); };
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
  const auto twice =
      std::adjacent_find(order.begin(), order.end(), [&](size_t a, size_t b) { return key(a) == key(b); });
  if (twice == order.end()) return;
  bad_model(source, label(*twice) + ".piece: '" + std::string(proto.pieces[*twice].text) + "' occurs twice");
}

void check_bytes(const Proto& proto, const std::string& source) {
  std::set<std::string> missing;
  if (proto.byte_fallback) {
    for (size_t byte = 0; byte < 256; ++byte) missing.insert(byte_token_name(byte));
  }
  for (size_t id = 0; id < proto.pieces.size(); ++id) {
    if (proto.pieces[id].type != TokenType::byte) continue;
    const std::string name(proto.pieces[id].text);
    if (!proto.byte_fallback)
      bad_model(source, label(id) + ".type: '" + name + "' is a byte, but byte_fallback is off");
    if (missing.erase(name) == 0) bad_model(source, label(id) + ".piece: '" + name + "' is not <0x00> to <0xFF>");
  }
  if (!missing.empty()) bad_model(source, "pieces: the byte '" + *missing.begin() + "' is missing");
}

void find_unknown(Proto& proto, const std::string& source) {
  size_t n_found = 0;
  for (size_t id = 0; id < proto.pieces.size(); ++id) {
    if (proto.pieces[id].type != TokenType::unknown) continue;
    proto.unknown = static_cast<int32_t>(id);
    ++n_found;
  }
  if (n_found != 1) bad_model(source, "pieces: " + std::to_string(n_found) + " are unknown tokens instead of one");
}

}  // namespace

SentencePieceProto read_sentencepiece_proto(std::string_view bytes, const std::string& source) {
  Proto proto;
  ProtobufReader reader(bytes, source);
  while (reader.next()) {
    switch (reader.field()) {
      case 1:
        if (proto.pieces.size() == kMaxPieces) reader.fail("pieces", "there are more than 2^24");
        proto.pieces.push_back(read_piece({reader, "pieces", proto.pieces.size()}));
        break;
      case 2:
        read_trainer_spec({reader, "trainer_spec"}, proto);
        break;
      case 3:
        read_normalizer_spec({reader, "normalizer_spec"}, proto.normalizer);
        break;
      case 5:
        if (!proto.denormalizer) proto.denormalizer.emplace();
        read_normalizer_spec({reader, "denormalizer_spec"}, *proto.denormalizer);
        break;
      default:
        reader.skip();
    }
  }
  if (proto.pieces.empty()) bad_model(source, "it has no pieces, and so is no SentencePiece model");
  check_unique(proto, source);
  check_bytes(proto, source);
  find_unknown(proto, source);
  return proto;
}

}  // namespace tidemill
