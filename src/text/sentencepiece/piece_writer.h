// Writes the tokens of one call of a SentencePiece model; what is unknown becomes bytes, or one token with its
// neighbours.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "text/pieces/piece_model.h"
#include "text/sentencepiece/sentencepiece_proto.h"

namespace tidemill {

// What stands for parts of a text that are no piece.
struct UnknownPiece {
  int32_t id = -1;                    // -1: every byte has a token
  std::array<int32_t, 256> byte_ids;  // -1: none
};

// Throws bad_file for byte pieces that are not <0x00> to <0xFF> or occur twice, and when a byte has neither a piece nor
// the unknown one.
UnknownPiece find_unknown_piece(const SentencePieceProto& proto, const std::string& source);

class PieceWriter {
 public:
  PieceWriter(const UnknownPiece& unknown, std::string_view text, PieceTokens& tokens)
      : unknown_(unknown), text_(text), tokens_(tokens) {}

  void begin_piece(size_t k) {
    piece_ = static_cast<uint32_t>(k);
    after_unknown_ = false;
  }

  // id -1: unknown.
  void write(int32_t id, uint32_t begin, uint32_t end) {
    const bool unknown = id < 0 || id == unknown_.id;
    if (!unknown) {
      push(id, begin, end);
    } else if (const std::string_view bytes = text_.substr(begin, end - begin);
               std::all_of(bytes.begin(), bytes.end(), [this](char byte) { return byte_id(byte) >= 0; })) {
      // The last byte stands for all of them, and the others for no more than where they begin.
      for (uint32_t pos = begin; pos + 1 < end; ++pos) push(byte_id(text_[pos]), begin, begin + 1);
      push(byte_id(text_[end - 1]), begin, end);
      after_unknown_ = false;
      return;
    } else if (!after_unknown_) {
      push(unknown_.id, begin, end);
    } else if (tokens_.ranges) {
      tokens_.ranges->back().end = end;
    }
    after_unknown_ = unknown;
  }

 private:
  int32_t byte_id(char byte) const { return unknown_.byte_ids[static_cast<uint8_t>(byte)]; }
  void push(int32_t id, uint32_t begin, uint32_t end) {
    tokens_.ids.push_back(id);
    if (tokens_.ranges) tokens_.ranges->push_back({begin, end});
    if (tokens_.pieces) tokens_.pieces->push_back(piece_);
  }

  const UnknownPiece& unknown_;
  std::string_view text_;
  PieceTokens& tokens_;
  uint32_t piece_ = 0;
  bool after_unknown_ = false;
};

}  // namespace tidemill
