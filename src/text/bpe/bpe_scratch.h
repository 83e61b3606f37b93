// What BPE works in: kept from call to call, for one thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "text/bpe/bpe_word.h"
#include "text/bpe/joint_cutter.h"
#include "text/pieces/piece_block.h"
#include "text/pieces/piece_cache.h"
#include "text/pieces/piece_model.h"

namespace tidemill {

// A block of pieces and what they become.
struct BpeBlock {
  PieceBlock pieces;
  std::array<PieceCache::Value, PieceBlock::kPieces> found;  // of the pieces that the vocabulary does not know
  std::array<uint16_t, PieceBlock::kPieces> missing;         // which of them the cache does not find at once
  std::vector<int32_t> more_ids;                             // of pieces with more than fit and that are not cached
};

class BpeScratch final : public PieceModel::Scratch {
 public:
  explicit BpeScratch(size_t cache_bytes) : cache(std::make_shared<PieceCache>(cache_bytes)), owns_cache_(true) {}
  // Shares the cache of `other`.
  explicit BpeScratch(const BpeScratch* other) : cache(other->cache.cache()), owns_cache_(false) {}

  void limit_cache(size_t n_bytes) override { cache.cache()->limit(n_bytes); }
  CacheStatistics cache_statistics() const override {
    return {
        .hits = n_hits, .misses = n_misses, .bytes = owns_cache_ ? static_cast<int64_t>(cache.cache()->bytes()) : 0};
  }

  BpeBlock block;
  BpeBlock parts;  // of one long piece
  std::array<int32_t, (PieceBlock::kPieces + PieceIds::kInline) * PieceIds::kInline> out;
  std::vector<int32_t> word_ids;       // of one word
  std::vector<int32_t> piece_ids;      // of one long piece
  std::vector<ByteRange> part_ranges;  // that it was cut into
  std::vector<ByteRange> words;        // that pieces were cut into
  std::vector<uint32_t> word_pieces;   // and of which piece each is
  std::array<ByteRange, JointCutter::kRoom> raw_pieces;
  std::string prefixed;  // the beginning of a raw text behind its prefix
  BpeWord word;
  PieceCache::Reader cache;
  int64_t n_hits = 0, n_misses = 0;

 private:
  bool owns_cache_;
};

}  // namespace tidemill
