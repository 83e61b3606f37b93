#include "text/scratch_pool.h"

#include <utility>

namespace tidemill {
namespace {

// Buffers that a huge text has left behind are not kept.
constexpr size_t kMaxKeptIds = size_t{1} << 20;

}  // namespace

ScratchPool::ScratchPool(const PieceModel& model, size_t cache_bytes, bool caches_words)
    : model_(model),
      word_cache_(std::make_shared<PieceCache>(caches_words ? cache_bytes - cache_bytes / 4 : 0)),
      cache_bytes_left_(caches_words ? cache_bytes / 4 : cache_bytes) {}

ScratchPool::Lease ScratchPool::lease() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) return {*this, make_scratch()};
  std::unique_ptr<PipelineScratch> scratch = std::move(free_.back());
  free_.pop_back();
  return {*this, std::move(scratch)};
}

// With mutex_ held.
std::unique_ptr<PipelineScratch> ScratchPool::make_scratch() {
  free_.reserve(n_made_ + 1);  // giving back must not throw
  auto scratch = std::make_unique<PipelineScratch>(word_cache_);
  const bool shares = model_.shares_caches();
  if (shares && first_) {
    scratch->model = model_.make_sharing_scratch(*first_);
  } else {
    scratch->model = model_.make_scratch();
    const size_t cache_bytes = shares ? cache_bytes_left_ : cache_bytes_left_ / 2;
    scratch->model->limit_cache(cache_bytes);
    cache_bytes_left_ -= cache_bytes;
  }
  if (!first_) first_ = scratch->model.get();
  ++n_made_;
  return scratch;
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
  CacheStatistics sum{.bytes = static_cast<int64_t>(word_cache_->bytes())};
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
