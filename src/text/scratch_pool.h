// Scratches of a pipeline that are lent out to calls, so that buffers and caches of pieces stay warm from call to call.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "text/pieces/piece_model.h"
#include "text/words/word_batch.h"
#include "text/words/word_cache.h"
#include "text/words/word_cutter.h"
#include "tidemill/tokenizer.h"

namespace tidemill {

// What one call of a pipeline works in.
struct PipelineScratch {
  explicit PipelineScratch(std::shared_ptr<PieceCache> word_cache) : words(std::move(word_cache)) {}

  std::unique_ptr<PieceModel::Scratch> model;
  std::vector<ByteRange> pieces;
  std::vector<ByteRange> ranges;   // of tokens
  std::vector<uint32_t> piece_of;  // tokens
  std::vector<int32_t> ids;
  WordCache words;  // off where words depend on each other
  std::array<ByteRange, kWordRoom> word_ranges;
  WordBatch batch;
};

// Any number of threads may call it.  There are as many scratches as there were calls at one time.
class ScratchPool {
 public:
  // All caches together stay below `cache_bytes`.  `caches_words`: three quarters of it are for words, the rest for the
  // pieces of the model.  Where scratches do not share a cache of pieces, the first may use half of it, the next half
  // of the rest.
  ScratchPool(const PieceModel& model, size_t cache_bytes, bool caches_words);

  // Gives its scratch back when it dies.
  class Lease {
   public:
    Lease(ScratchPool& pool, std::unique_ptr<PipelineScratch> scratch) : pool_(pool), scratch_(std::move(scratch)) {}
    ~Lease() { pool_.give_back(std::move(scratch_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    PipelineScratch& operator*() const { return *scratch_; }

   private:
    ScratchPool& pool_;
    std::unique_ptr<PipelineScratch> scratch_;
  };

  Lease lease();
  // Of the scratches that are not lent out.
  CacheStatistics cache_statistics();

 private:
  void give_back(std::unique_ptr<PipelineScratch> scratch);

  std::unique_ptr<PipelineScratch> make_scratch();

  const PieceModel& model_;
  const std::shared_ptr<PieceCache> word_cache_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<PipelineScratch>> free_;  // the last one is the warmest
  const PieceModel::Scratch* first_ = nullptr;          // whose cache may be shared; lives as long as the pool
  size_t n_made_ = 0;
  size_t cache_bytes_left_;
};

}  // namespace tidemill
