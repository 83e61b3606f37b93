// Pieces of up to 15 bytes that are one token, found with one cache line each.
//
// Every key belongs to one bucket of three.  Where more fall into one, the rest is left out: such a piece is found by
// other means, more slowly, and no look-up ever walks on.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "text/piece_key.h"

namespace tidemill {

class KnownPieces {
 public:
  // `texts`: id -> the piece that may be that token.  Until `confirm` says that it is, it is not found; with
  // `confirmed` all are.
  KnownPieces(std::span<const std::string_view> texts, bool confirmed);

  // The id of a confirmed piece plus kOne, else 0.  `hash` is that of `key`.
  static constexpr uint32_t kOne = uint32_t{1} << 24;
  uint32_t find(const PieceKey& key, uint64_t hash) const {
    const Bucket& bucket = buckets_[hash >> shift_];
    uint32_t found = 0;
    for (size_t k = 0; k < kWays; ++k) {
      const uint32_t value = bucket.values[k].load(std::memory_order_relaxed);
      found = bucket.keys[k] == key ? value : found;
    }
    return found & kOne ? found : 0;
  }
  void prefetch(uint64_t hash) const { __builtin_prefetch(&buckets_[hash >> shift_]); }

  // The piece is the token `id`.  False when it is left out.  May be called from any thread.
  bool confirm(const PieceKey& key, uint64_t hash, uint32_t id) const;

 private:
  static constexpr size_t kWays = 3;
  struct alignas(64) Bucket {
    std::array<PieceKey, kWays> keys;
    mutable std::array<std::atomic<uint32_t>, kWays> values;  // id, plus kOne when confirmed
  };

  std::unique_ptr<Bucket[]> buckets_;
  int shift_;
};

}  // namespace tidemill
