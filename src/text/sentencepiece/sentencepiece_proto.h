// What a SentencePiece .model file says: the message ModelProto of sentencepiece_model.proto.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "sys/huge_pages.h"
#include "text/pieces/token_type.h"

namespace tidemill {

// Refers to the bytes of the file, as all of this.
struct SentencePieceNormalizerSpec {
  std::string_view charsmap;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
};

struct SentencePieceProto {
  enum class Kind { unigram = 1, bpe = 2, word = 3, character = 4 };

  struct Piece {
    std::string_view text;  // UTF-8, not empty
    float score = 0;        // a number
    TokenType type = TokenType::normal;
  };
  HugeVector<Piece> pieces;
  int32_t unknown = -1;  // the one piece of that type
  Kind kind = Kind::unigram;
  bool treat_whitespace_as_suffix = false;
  // User-defined pieces may spell a space as such, where .model files have U+2581: GGUF files do.
  bool symbols_spell_spaces = false;
  bool byte_fallback = false;  // then there are all 256 byte pieces, and else none
  std::string_view bos_piece = "<s>";
  std::string_view eos_piece = "</s>";
  std::string_view unknown_surface = " \u2047 ";  // what the unknown piece is decoded to
  SentencePieceNormalizerSpec normalizer;
  std::optional<SentencePieceNormalizerSpec> denormalizer;
};

// Reads and checks the content of a file called `source`.  Fields that tokenizing does not need are skipped.  Throws
// bad_file, naming the field, for a truncated or malformed message, a field of another type, and pieces that
// sentencepiece refuses: none, an empty one, one that occurs twice, byte pieces that do not fit `byte_fallback`, and no
// unknown piece or several.
SentencePieceProto read_sentencepiece_proto(std::string_view bytes, const std::string& source);

}  // namespace tidemill
