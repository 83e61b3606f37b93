#include "text/scratch_pool.h"

#include <utility>

namespace tidemill {
namespace {

// Buffers that a huge text has left behind are not kept.
constexpr size_t kMaxKeptIds = size_t{1} << 20;

}  // namespace

ScratchPool::Lease ScratchPool::lease() {
  size_t cache_bytes = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      std::unique_ptr<PipelineScratch> scratch = std::move(free_.back());
      free_.pop_back();
      return {*this, std::move(scratch)};
    }
    ++n_made_;
    cache_bytes = cache_bytes_left_ / 2;
    cache_bytes_left_ -= cache_bytes;
    free_.reserve(n_made_);  // giving back must not throw
  }
  auto scratch = std::make_unique<PipelineScratch>();
  scratch->model = model_.make_scratch();
  const size_t word_bytes = caches_words_ ? cache_bytes - cache_bytes / 4 : 0;
  scratch->words.limit(word_bytes);
  scratch->model->limit_cache(cache_bytes - word_bytes);
  return {*this, std::move(scratch)};
}

void ScratchPool::give_back(std::unique_ptr<PipelineScratch> scratch) {
  if (scratch->ids.capacity() > kMaxKeptIds) std::vector<int32_t>().swap(scratch->ids);
  if (scratch->ranges.capacity() > kMaxKeptIds) std::vector<ByteRange>().swap(scratch->ranges);
  if (scratch->piece_of.capacity() > kMaxKeptIds) std::vector<uint32_t>().swap(scratch->piece_of);
  if (scratch->pieces.capacity() > kMaxKeptIds) std::vector<ByteRange>().swap(scratch->pieces);
  if (scratch->batch.text.capacity() > kMaxKeptIds) scratch->batch = {};
  scratch->words.drop_buffers_beyond(kMaxKeptIds);
  const std::lock_guard lock(mutex_);
  free_.push_back(std::move(scratch));
}

CacheStatistics ScratchPool::cache_statistics() {
  const std::lock_guard lock(mutex_);
  CacheStatistics sum;
  for (const auto& scratch : free_) {
    for (const CacheStatistics& one : {scratch->words.statistics(), scratch->model->cache_statistics()}) {
      sum.hits += one.hits;
      sum.misses += one.misses;
      sum.bytes += one.bytes;
    }
  }
  return sum;
}

}  // namespace tidemill
