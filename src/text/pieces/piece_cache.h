// What pieces became, from piece to piece and from call to call, in bounded memory.
//
// Open addressing over pairs of 32-byte entries, so that most look-ups read one cache line.  When the memory is used up
// everything is forgotten: what is frequent comes back at once, and nothing has to be kept in order of use.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sys/huge_pages.h"
#include "text/pieces/piece_block.h"

namespace tidemill {

class PieceCache {
 public:
  // Longer pieces are not cached: they seldom come back.
  static constexpr size_t kLongestPiece = 1023;

  // What is kept of one piece; n_ids is up to PieceIds::kInline, or kCached.
  struct Value {
    PieceIds ids;
    uint32_t n_ids;
  };

  // 0: no cache.
  void limit(size_t n_bytes);
  size_t bytes() const;

  // Before up to `n_pieces` calls of `add`; may forget everything.
  void make_room(size_t n_pieces);
  // As far as the memory allows, and forgets nothing.
  void grow_for(size_t n_pieces);

  // For each of the block's unknown pieces the value, where a quick look finds it; returns how many it does not find
  // and, in `missing`, which of the unknown ones they are.
  size_t find_quickly(const PieceBlock& block, std::span<Value> values, std::span<uint16_t> missing) const;

  // Asks for the memory where a piece would be found.
  void prefetch(uint64_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[hash & mask_]);
  }
  // True when the piece is there.  `hash` is that of `key`, or of the long piece.
  bool find(const PieceKey& key, uint64_t hash, Value& value) const;
  bool find_long(std::string_view piece, uint64_t hash, Value& value) const;
  // Asks for the memory that find_long will read.
  void prefetch_long(uint64_t hash) const;

  // False when there is no room; then nothing was done.
  bool add(std::string_view piece, const PieceKey& key, uint64_t hash, std::span<const int32_t> ids, Value& added);
  // Of a value whose n_ids is kCached.
  std::span<const int32_t> cached(const PieceIds& ids) const { return {ids_.data() + ids.words[0], ids.words[1]}; }

 private:
  // The number of ids stands in the upper byte of the first word.
  struct Slot {
    PieceKey key;  // of a long piece: its hash, and its size and place in pieces_
    PieceIds ids;
  };
  struct alignas(64) Pair {
    std::array<Slot, 2> slots;
  };

  static Value value_of(const Slot& slot);
  void clear(size_t n_pairs);
  bool has_room(size_t n_pieces) const;
  void grow();
  void insert(const Slot& slot, uint64_t hash);

  size_t limit_ = size_t{16} << 20;
  HugeVector<Pair> slots_;  // a power of two, or none
  uint64_t mask_ = 0;
  size_t n_used_ = 0;
  HugeVector<char> pieces_;  // the bytes of long pieces
  HugeVector<int32_t> ids_;  // of pieces with more than four
};

}  // namespace tidemill
