// What pieces became, from piece to piece, from call to call and from thread to thread, in bounded memory.
//
// Open addressing over pairs of 32-byte entries, so that most look-ups read one cache line.  When the memory is used up
// everything is forgotten: what is frequent comes back at once, and nothing has to be kept in order of use.
//
// Threads read without waiting for each other, and hardly wait to add.  An entry is written once, its key last; a table
// that is full is replaced by another, and freed when no reader has it pinned any more (hazard pointers: Michael 2004).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "text/pieces/piece_block.h"

namespace tidemill {

// Any number of threads may use it, each by a reader of its own.
class PieceCache {
 public:
  // Longer pieces are not cached: they seldom come back.
  static constexpr size_t kLongestPiece = 1023;

  // What is kept of one piece; n_ids is up to PieceIds::kInline, or kCached.
  struct Value {
    PieceIds ids;
    uint32_t n_ids;
  };
  class Reader;

  // 0: no cache.
  explicit PieceCache(size_t n_bytes);
  ~PieceCache();
  PieceCache(const PieceCache&) = delete;
  PieceCache& operator=(const PieceCache&) = delete;

  // Forgets everything when it holds more.
  void limit(size_t n_bytes);
  size_t limit() const { return limit_.load(std::memory_order_relaxed); }
  // Without what was forgotten and is still being read.
  size_t bytes() const;

 private:
  struct Slot;
  struct Pair;
  struct Texts;
  struct Table;

  bool add(Reader& reader, std::string_view piece, const PieceKey& key, uint64_t hash, std::span<const int32_t> ids,
           Value& added);
  // All below only with mutex_ held.
  Table* table_for(size_t n_piece_bytes, size_t n_ids);
  Table* replace(size_t n_pairs, std::shared_ptr<Texts> texts);
  void free_unread();

  mutable std::mutex mutex_;
  std::atomic<size_t> limit_;
  std::atomic<const Table*> current_ = nullptr;
  std::vector<std::unique_ptr<Table>> tables_;  // the last is the current one
  std::vector<const Reader*> readers_;
};

// A thread's way to look into the cache.
class PieceCache::Reader {
 public:
  explicit Reader(std::shared_ptr<PieceCache> cache);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  const std::shared_ptr<PieceCache>& cache() const { return cache_; }

  // From now on sees what the cache holds now.  Values found or added stay valid until the next call of `pin`.
  void pin();
  void unpin() { pinned_.store(nullptr, std::memory_order_release); }

  // For each of the block's unknown pieces the value, where a quick look finds it; returns how many it does not find
  // and, in `missing`, which of the unknown ones they are.
  size_t find_quickly(const PieceBlock& block, std::span<Value> values, std::span<uint16_t> missing) const;

  // True when the piece is there.  `hash` is that of `key`, or of the long piece.
  bool find(const PieceKey& key, uint64_t hash, Value& value) const;
  bool find_long(std::string_view piece, uint64_t hash, Value& value) const;
  // Asks for the memory that find_long will read.
  void prefetch_long(uint64_t hash) const;

  // False when there is no room, or another thread is busy adding; then nothing was done.
  bool add(std::string_view piece, const PieceKey& key, uint64_t hash, std::span<const int32_t> ids, Value& added) {
    return cache_->add(*this, piece, key, hash, ids, added);
  }
  // Of a value whose n_ids is kCached.
  std::span<const int32_t> cached(const PieceIds& ids) const;

 private:
  friend class PieceCache;

  const Table* table() const { return pinned_.load(std::memory_order_relaxed); }

  std::shared_ptr<PieceCache> cache_;
  std::atomic<const Table*> pinned_ = nullptr;  // written by the thread of the reader only
};

}  // namespace tidemill
