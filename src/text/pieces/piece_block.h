// Some hundreds of pieces on their way to ids.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "text/pieces/piece_key.h"
#include "text/pieces/piece_model.h"

namespace tidemill {

// The ids of one piece.  Up to four stand in `words`; of more, the words say where they stand and how many there are.
struct PieceIds {
  static constexpr size_t kInline = 4;
  static constexpr uint32_t kCached = 5;    // words: the first place in the cache's ids, the number
  static constexpr uint32_t kUncached = 6;  // the same in the ids of who asked

  // Ids that the cache keeps are below this.
  static constexpr uint32_t kIdLimit = uint32_t{1} << 24;

  std::array<uint32_t, kInline> words;
};

// Arrays side by side, for loops that do one thing to all pieces.  They fit the first-level cache.
struct PieceBlock {
  static constexpr size_t kPieces = 256;

  std::array<PieceKey, kPieces> keys;
  std::array<uint64_t, kPieces> hashes;      // of the keys; of unknown longer pieces: of all their bytes
  std::array<uint32_t, kPieces + 16> known;  // per piece: its only id, where the vocabulary knows it
  std::array<uint16_t, kPieces> unknown;     // which pieces the vocabulary does not know
  size_t n_unknown;
};

// Fills the keys, and the hashes of keys and of long pieces, for `pieces` of `text`, at most PieceBlock::kPieces.
void fill_keys(std::string_view text, std::span<const ByteRange> pieces, PieceBlock& block);

}  // namespace tidemill
