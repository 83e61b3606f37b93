// For tests: the bytes of SentencePiece .model files.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/pieces/token_type.h"
#include "text/sentencepiece/charsmap_test.h"

namespace tidemill {

inline std::string varint_bytes(uint64_t number) {
  std::string bytes;
  for (; number >= 0x80; number >>= 7) bytes += static_cast<char>((number & 0x7F) | 0x80);
  return bytes + static_cast<char>(number);
}
inline std::string number_field(uint32_t field, uint64_t value) {
  return varint_bytes(field << 3) + varint_bytes(value);
}
inline std::string bytes_field(uint32_t field, std::string_view value) {
  return varint_bytes(field << 3 | 2) + varint_bytes(value.size()) + std::string(value);
}
inline std::string float_field(uint32_t field, float value) {
  return varint_bytes(field << 3 | 5) + little_endian_bytes(std::bit_cast<uint32_t>(value));
}

inline std::string piece_field(std::string_view text, float score = 0, TokenType type = TokenType::normal) {
  return bytes_field(1, bytes_field(1, text) + float_field(2, score) + number_field(3, static_cast<uint64_t>(type)));
}

struct ModelFile {
  std::string pieces = piece_field("<unk>", 0, TokenType::unknown) + piece_field("<s>", 0, TokenType::control) +
                       piece_field("</s>", 0, TokenType::control);
  uint64_t kind = 1;       // unigram, bpe, word, char
  std::string trainer;     // further fields of TrainerSpec
  std::string normalizer;  // fields of NormalizerSpec
  std::string others;      // further fields of ModelProto

  void add(std::string_view text, float score = 0, TokenType type = TokenType::normal) {
    pieces += piece_field(text, score, type);
  }
  std::string bytes() const {
    return pieces + bytes_field(2, number_field(3, kind) + trainer) + bytes_field(3, normalizer) + others;
  }
};

}  // namespace tidemill
