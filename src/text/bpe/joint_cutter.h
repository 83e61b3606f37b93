// Cuts a raw text, in which spaces stand for U+2581, between all characters that stand side by side in no token, 64
// bytes at a time.
//
// The pieces are short and come back often; a cut costs less than the look-up of what lies before it, and a new word
// costs far more to merge than its known parts cost to find.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/bpe/character_joints.h"
#include "text/pieces/byte_set.h"
#include "text/pieces/byte_trie.h"
#include "text/pieces/piece_block.h"
#include "text/pieces/piece_model.h"
#include "text/raw_text.h"

namespace tidemill {

class JointCutter {
 public:
  // A block of pieces, one place before it, and room for what a step writes too much.
  static constexpr size_t kRoom = PieceBlock::kPieces + 80;

  // `joints`, which must outlive this, are those of all that merging can make, spelled with U+2581, and are of whole
  // characters.  Wholes are never cut, and nothing else begins or ends inside them.
  JointCutter(const CharacterJoints& joints, std::span<const RawText::Whole> wholes);

  struct Cut {
    std::span<const ByteRange> pieces;
    bool has_space_symbol;  // U+2581 was seen
  };
  // Writes the next pieces of the valid UTF-8 `text` from byte `from` on to `room`, at most PieceBlock::kPieces; moves
  // `from`, which is 0 or where a piece ended, to where to go on.  There are none only at the end of the text.
  Cut cut(std::string_view text, size_t& from, std::span<ByteRange, kRoom> room) const;

  // The id of a piece that is one of the wholes; -1 for others.
  int32_t whole(std::string_view piece) const { return first_bytes_.holds(piece[0]) ? wholes_.find(piece) : -1; }
  size_t longest_whole() const { return longest_whole_; }  // bytes

  // What the steps for each kind of processor read.
  struct Tables {
    std::array<uint8_t, 0x8000> ascii_cuts;  // by `place`: 1 where one may cut
    // Two bytes of ASCII that follow each other, read as a number.
    static constexpr size_t place(uint32_t left, uint32_t right) {
      return std::endian::native == std::endian::little ? left | right << 8 : left << 8 | right;
    }
    const CharacterJoints* joints;
    const ByteTrie* wholes;  // null: none
    const ByteSet* first_bytes;
  };

 private:
  Tables tables_;
  ByteTrie wholes_;
  ByteSet first_bytes_;
  size_t longest_whole_ = 0;
};

}  // namespace tidemill
