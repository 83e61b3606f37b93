#include "cache/cache_ghosts.h"

#include <algorithm>

namespace tidemill {

void CacheGhosts::add(uint32_t tag, size_t n_kept) {
  if (n_kept == 0) return;
  if (places_.size() < 2 * n_kept) grow(n_kept);
  if (++now_ == 0) ++now_;
  put({.tag = tag, .time = now_});
}

bool CacheGhosts::take(uint32_t tag, size_t n_kept) {
  if (n_buckets_ == 0) return false;
  Place* const places = bucket(tag);
  for (Place* place = places; place < places + kBucket; ++place) {
    if (place->tag != tag || age(*place) >= n_kept) continue;
    *place = {};
    return true;
  }
  return false;
}

void CacheGhosts::put(Place place) {
  Place* const places = bucket(place.tag);
  *std::max_element(places, places + kBucket, [&](const Place& a, const Place& b) { return age(a) < age(b); }) = place;
}

// Half of the places stay free, or a full bucket would forget what others have room for.
void CacheGhosts::grow(size_t n_kept) {
  std::vector<Place> before(std::max(size_t{8} * kBucket, 4 * n_kept) / kBucket * kBucket);
  before.swap(places_);
  n_buckets_ = places_.size() / kBucket;
  for (const Place& place : before)
    if (place.time != 0) put(place);
}

}  // namespace tidemill
