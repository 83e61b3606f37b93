// Words of a text: what is between kWordSpaces.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "text/normalizer.h"
#include "text/pieces/piece_block.h"
#include "text/pieces/piece_model.h"

namespace tidemill {

// A block of words, with room for what a step writes too much.
inline constexpr size_t kWordRoom = PieceBlock::kPieces + 64;

// Writes the next words of `text` from byte `from` on, at most PieceBlock::kPieces; moves `from`, which is 0 or what an
// earlier call left, to where to go on; returns how many there are, 0 only at the end of the text.
size_t cut_words(std::string_view text, size_t& from, std::span<ByteRange, kWordRoom> words);

}  // namespace tidemill
