// Pieces of up to 15 bytes that are one token, found with one cache line each.
//
// Every key belongs to one bucket of three.  Where more fall into one, the rest is left out: such a piece is found by
// other means, more slowly, and no look-up ever walks on.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sys/huge_pages.h"
#include "text/pieces/piece_block.h"
#include "text/pieces/piece_model.h"
#include "text/pieces/token_table.h"

namespace tidemill {

class KnownPieces {
 public:
  // How texts stand in what is looked up: as they are, or with spaces in place of U+2581; then those with spaces of
  // their own do not.
  enum class Spelling : uint8_t { own, spaced };

  // `texts`: id -> the piece that may be that token; `confirmed`: whether it is.  Where not, it is not found until
  // `confirm` says so.
  KnownPieces(const TokenStrings& texts, const std::vector<bool>& confirmed, Spelling spelling = Spelling::own);

  // Fills `block` for `pieces` of `text`, at most PieceBlock::kPieces.
  void find(std::string_view text, std::span<const ByteRange> pieces, PieceBlock& block) const;

  // False when no text has that key, which is not empty; true also where one may have been left out.
  bool may_hold(const PieceKey& key, uint64_t hash) const {
    const Bucket& bucket = buckets_[hash >> shift_];
    bool holds = !bucket.keys[kWays - 1].empty();
    for (const PieceKey& kept : bucket.keys) holds |= kept == key;
    return holds;
  }

  // The piece is the token `id`.  False when it is left out.  May be called from any thread.
  bool confirm(const PieceKey& key, uint64_t hash, uint32_t id) const;

  static constexpr size_t kWays = 3;
  static constexpr uint32_t kUnknown = uint32_t{1} << 31;
  struct alignas(64) Bucket {
    std::array<PieceKey, kWays> keys;
    // Ids, or kUnknown, with the bit of that inverted, so that an empty bucket is all zeros; the last is always
    // unknown.
    mutable std::array<std::atomic<uint32_t>, kWays + 1> values;

    uint32_t value(size_t way) const { return values[way].load(std::memory_order_relaxed) ^ kUnknown; }
    void set_value(size_t way, uint32_t value) const { values[way].store(value ^ kUnknown, std::memory_order_relaxed); }
  };

 private:
  static void add(Bucket& bucket, const PieceKey& key, uint32_t value);

  // Values change through `confirm` only.
  ZeroedVector<Bucket> buckets_;
  int shift_;
};

}  // namespace tidemill
