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

#include "text/piece_key.h"

namespace tidemill {

// The ids of one piece.  Up to four stand in it, and the upper byte of the first word is their number; of more, the
// words say where they stand.
struct alignas(16) PieceIds {
  static constexpr uint32_t kInline = 4;
  static constexpr uint32_t kElsewhere = 0xFF;  // in the cache
  static constexpr uint32_t kUncached = 0xFE;   // with who asked
  static constexpr uint32_t kIdMask = 0xFFFFFF;

  std::array<uint32_t, 4> words{};

  uint32_t tag() const { return words[0] >> 24; }
};

class PieceCache {
 public:
  // Longer pieces are not cached: they seldom come back.
  static constexpr size_t kLongestPiece = 255;

  // 0: no cache.
  void limit(size_t n_bytes);
  size_t bytes() const {
    return slots_.capacity() * sizeof(Pair) + pieces_.capacity() + ids_.capacity() * sizeof(int32_t);
  }

  // Before up to `n_pieces` calls of `add`; what was found before is then no longer valid.
  void make_room(size_t n_pieces);

  // Null when the piece is not there.  `hash` is that of `key`, or of the long piece.
  const PieceIds* find(const PieceKey& key, uint64_t hash) const;
  const PieceIds* find_long(std::string_view piece, uint64_t hash) const;
  void prefetch(uint64_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[hash & mask_]);
  }

  // What the cache keeps of `ids` when there is room; false when there is none and nothing was done.
  bool add(std::string_view piece, const PieceKey& key, uint64_t hash, std::span<const int32_t> ids, PieceIds& added);
  // Of a value whose tag is kElsewhere.
  std::span<const int32_t> elsewhere(const PieceIds& ids) const { return {ids_.data() + ids.words[1], ids.words[2]}; }

 private:
  struct Slot {
    PieceKey key;  // of a long piece: its hash, and its size and place in pieces_
    PieceIds ids;
  };
  struct alignas(64) Pair {
    std::array<Slot, 2> slots;
  };

  static PieceKey long_key(std::string_view piece, uint64_t hash, size_t place);
  void clear(size_t n_pairs);
  void grow();
  void insert(const Slot& slot, uint64_t hash);

  size_t limit_ = size_t{16} << 20;
  std::vector<Pair> slots_;  // a power of two, or none
  uint64_t mask_ = 0;
  size_t n_used_ = 0;
  std::vector<char> pieces_;  // the bytes of long pieces
  std::vector<int32_t> ids_;  // of pieces with more than four
};

}  // namespace tidemill
