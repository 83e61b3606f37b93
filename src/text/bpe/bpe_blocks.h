// How a block of pieces becomes ids: keys and hashes of all, then what the vocabulary knows, then what the cache knows,
// then the ids in one go.  Each step is a short loop whose memory was asked for by the step before, so that the waits
// for it overlap, and whose branches are foreseen.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/bpe/bpe_scratch.h"
#include "text/bpe/bpe_tables.h"
#include "text/bpe/character_joints.h"
#include "text/pieces/piece_model.h"

namespace tidemill {

class BpeBlocks {
 public:
  // `tables` must outlive this.
  explicit BpeBlocks(const BpeTables& tables) : tables_(tables) {}

  // Leaves what at most PieceBlock::kPieces pieces become in own.block; the cache is pinned.  `joints`: by which
  // unknown ones may be cut; or null.
  void find(std::string_view text, std::span<const ByteRange> pieces, BpeScratch& own,
            const CharacterJoints* joints) const {
    find_block(text, pieces, own.block, own, joints);
  }
  // Appends the ids of the pieces that `find` was called for.
  static void emit(size_t n_pieces, BpeScratch& own, std::vector<int32_t>& ids) {
    emit_block(n_pieces, own.block, own, ids);
  }
  // The same with ranges and pieces, where they are asked for; the number of pieces[k] is `piece_numbers[k]`, or
  // `first_piece` + k where there are none.
  void emit_with_places(std::string_view text, std::span<const ByteRange> pieces,
                        std::span<const uint32_t> piece_numbers, size_t first_piece, BpeScratch& own,
                        PieceTokens tokens) const;

 private:
  void find_block(std::string_view text, std::span<const ByteRange> pieces, BpeBlock& block, BpeScratch& own,
                  const CharacterJoints* joints) const;
  void find_unknown(std::string_view text, ByteRange range, size_t k, BpeBlock& block, BpeScratch& own,
                    const CharacterJoints* joints, PieceCache::Value& found) const;
  bool encode_parts(std::string_view text, ByteRange piece, BpeScratch& own) const;
  std::span<const int32_t> merged_ids(std::string_view piece, bool may_be_whole, BpeScratch& own) const;
  void split(std::string_view piece, bool may_be_whole, BpeScratch& own) const;
  static void emit_block(size_t n_pieces, const BpeBlock& block, BpeScratch& own, std::vector<int32_t>& ids);
  void append_ranges(std::string_view text, ByteRange piece, std::span<const int32_t> ids, BpeScratch& own,
                     std::vector<ByteRange>& ranges) const;

  const BpeTables& tables_;
};

}  // namespace tidemill
